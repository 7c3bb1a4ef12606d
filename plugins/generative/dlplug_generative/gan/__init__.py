"""Generative adversarial networks: losses, penalties, pairs of networks."""
