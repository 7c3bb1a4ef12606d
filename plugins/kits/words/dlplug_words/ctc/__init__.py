"""Connectionist temporal classification: labels without an alignment."""
