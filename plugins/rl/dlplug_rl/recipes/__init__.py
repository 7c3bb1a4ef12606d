"""The recipes: Atari games, and small problems for a CPU."""

from dlplug_rl.recipes import atari, on_policy, relax, small

RECIPES = {**atari.RECIPES, **on_policy.RECIPES, **relax.RECIPES, **small.RECIPES}
