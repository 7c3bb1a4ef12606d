"""Evaluation of a policy: episodes, their scores, and films of them."""
