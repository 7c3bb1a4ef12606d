"""Classifiers: their networks, their mistakes, their recipes."""
