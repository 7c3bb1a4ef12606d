"""Words: vocabularies, the blocks of a transformer, CTC, and word and character error rates."""
