"""Variational autoencoders: bounds, likelihoods, networks, and figures of their latents."""
