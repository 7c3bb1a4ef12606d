"""The GRID corpus in its own layout (Cooke et al. 2006, doi:10.1121/1.2229005): films of sentences and what is said."""
