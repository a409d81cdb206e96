"""Records compared: rows, and a renderer a format."""
