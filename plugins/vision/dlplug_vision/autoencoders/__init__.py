"""Autoencoders, compared with principal component analysis."""
