"""The state of an installation: what its cache holds, and what is wrong with it."""
