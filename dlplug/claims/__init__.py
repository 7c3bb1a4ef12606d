"""What recipes claim: targets, the records that `dlplug verify` made of them, and how long a recipe trains."""
