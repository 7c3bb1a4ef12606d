"""Evaluation of an algorithm: episodes, their scores, and films of them."""
