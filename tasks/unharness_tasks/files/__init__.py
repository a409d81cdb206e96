"""Facts of the user's own, from files of JSON lines."""
