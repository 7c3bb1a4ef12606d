"""Data sets by name: digits, MNIST and similar sets, CIFAR."""
