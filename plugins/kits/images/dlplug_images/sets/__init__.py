"""Data sets by name: digits, MNIST and its likes, CIFAR."""
