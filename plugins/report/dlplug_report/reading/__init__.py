"""Runs as they lie on disk, read for a report; long curves thinned."""
