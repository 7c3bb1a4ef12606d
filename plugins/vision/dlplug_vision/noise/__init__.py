"""Noisy images, and three networks that classify them."""
