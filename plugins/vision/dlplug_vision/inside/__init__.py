"""Visualisations of a network: filters, feature maps, saliency."""
