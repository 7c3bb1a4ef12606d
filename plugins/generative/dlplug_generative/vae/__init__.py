"""Variational autoencoders: bounds, likelihoods, networks, and what their latents mean."""
