"""Sweeps: planning runs, running them, and the table of their results."""
