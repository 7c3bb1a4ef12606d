"""Images from any folder: the class of each file, and its decoding."""
