"""Verbs: a person or a GTP program against a network, and ratings."""
