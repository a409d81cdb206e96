"""The record a run leaves, and the folder records are kept in."""
