"""One execution of a recipe: what its configuration builds, its folder, what is measured and sampled."""
