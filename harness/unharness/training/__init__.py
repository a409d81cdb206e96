"""The one training loop, which target models and unlearning methods share."""
