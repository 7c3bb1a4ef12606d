"""Board games for two, as rules on arrays: a step moves thousands of boards at once."""
