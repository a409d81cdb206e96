"""Engines: what generates text."""
