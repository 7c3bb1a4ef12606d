"""Adversarial examples, training on them, and accuracy under attack."""
