"""Networks with ImageNet's weights, as encoders: what they compute at several resolutions."""
