"""A graph to numbers."""
