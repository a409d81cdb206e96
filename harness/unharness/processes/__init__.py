"""Processes of our own: started, talked to, and never left behind."""
