"""Data to readers: people, LaTeX, programs. Rich lives here."""
