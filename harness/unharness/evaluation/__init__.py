"""Observations of a model, and the metrics computed from them."""
