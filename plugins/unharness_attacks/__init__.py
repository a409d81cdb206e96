"""The built-in attacks, a file each."""
