"""What a trained model makes, as images, scatters and films."""
