"""One thread, and a tiny set in MNIST's format."""

from tiny import one_thread as one_thread
from tiny import tiny_mnist as tiny_mnist
