"""Starting from trained weights: of another run, or torchvision's."""
