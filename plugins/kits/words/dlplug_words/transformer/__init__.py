"""The building blocks of transformers: attention, encoder and decoder blocks, positional encodings."""
