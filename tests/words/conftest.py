"""One thread: the tensors are small."""

from tiny import one_thread as one_thread
