"""Tables in, tables out. The only room that knows pyarrow and orjson."""
