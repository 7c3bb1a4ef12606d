"""The blocks that transformers are built of: attention, encoder and decoder blocks, positional encodings."""
