"""MUSE: articles and books, verbatim and as knowledge (2407.06460)."""
