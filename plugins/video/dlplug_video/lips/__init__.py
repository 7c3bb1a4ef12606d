"""Lip reading: words from moving lips."""
