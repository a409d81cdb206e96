"""The command line: a file a command, nothing but words and calls."""
