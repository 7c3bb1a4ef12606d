"""The arena: matches with colours swapped and random openings, and ratings from them."""
