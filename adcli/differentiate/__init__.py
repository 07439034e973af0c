"""A graph to the graph, or the numbers, of its derivative."""
