"""Texts and sentence pairs as data, and the vocabularies that run folders keep."""
