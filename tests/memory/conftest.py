"""One thread: the nets are small."""

from tiny import one_thread as one_thread
