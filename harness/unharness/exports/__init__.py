"""What leaves the harness: weights with a model card, and records in formats of others."""
