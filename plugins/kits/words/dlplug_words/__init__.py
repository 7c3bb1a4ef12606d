"""Words: vocabularies, transformer blocks, CTC, and word and character error rates."""
