"""Metrics: what the network plays, with search and without, against players whose strength is known."""
