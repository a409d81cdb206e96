"""Where the cells of a sweep run: in local worker processes, or on a Ray cluster."""
