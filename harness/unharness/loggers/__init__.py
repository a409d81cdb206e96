"""Loggers: where a run's numbers go besides its record."""
