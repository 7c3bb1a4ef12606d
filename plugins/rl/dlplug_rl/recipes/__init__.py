"""The recipes: Atari games, and small problems for a CPU."""

from dlplug_rl.recipes import atari, small

RECIPES = {**atari.RECIPES, **small.RECIPES}
