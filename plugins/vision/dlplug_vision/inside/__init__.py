"""What a network sees: filters, feature maps, saliency."""
