"""Connectionist temporal classification: sequence labelling without alignments."""
