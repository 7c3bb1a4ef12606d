"""How good, how varied and how new samples are, and the features that some of it is measured in."""
