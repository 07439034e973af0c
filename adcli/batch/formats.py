"""The formats of tables, and the endings of their files."""

from __future__ import annotations

FORMATS = ("csv", "tsv", "jsonl", "parquet", "arrow")
# What stands between cells.
SEPARATORS = {"csv": ",", "tsv": "\t"}
# Those that are no text.
BINARY = ("parquet", "arrow")
ENDINGS = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".arrow": "arrow",
    ".feather": "arrow",
    ".ipc": "arrow",
    ".arrows": "arrow",
}
