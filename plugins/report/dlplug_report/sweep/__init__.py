"""Sweeps: which runs to start, starting them, and the table of what they reached."""
