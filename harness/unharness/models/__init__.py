"""Base models, target models, and weights on disk."""
