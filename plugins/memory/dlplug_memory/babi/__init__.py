"""The bAbI tasks: their files, and their stories as data."""
