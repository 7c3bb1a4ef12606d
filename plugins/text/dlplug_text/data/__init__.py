"""Texts and sentence pairs as data."""
