"""How well a policy plays: episodes, their scores, and films of them."""
