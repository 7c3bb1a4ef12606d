"""Autoencoders, beside principal component analysis."""
