"""The jobs, each from top to bottom in a file of its own."""
