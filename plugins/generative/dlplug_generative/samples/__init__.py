"""Samples of a trained model: images, scatters and films."""
