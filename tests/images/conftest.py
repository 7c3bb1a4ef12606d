"""A tiny set in the format of the real ones, and one thread."""

from tiny import one_thread as one_thread
from tiny import tiny_mnist as tiny_mnist
