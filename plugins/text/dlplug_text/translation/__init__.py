"""Translation: encoder-decoder models, loss, beam search, metrics and samplers."""
