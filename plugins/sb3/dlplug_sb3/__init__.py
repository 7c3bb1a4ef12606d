"""Stable-Baselines3's algorithms in dlplug: PPO, A2C, DQN and any other by name."""

from dlplug import hookimpl
from dlplug_sb3.recipes import RECIPES


@hookimpl
def register_data():
    return {"sb3-atari": "dlplug_sb3.environments.atari:Atari", "sb3-gym": "dlplug_sb3.environments.gym:Gym"}


@hookimpl
def register_models():
    named = {f"sb3-{name}": f"dlplug_sb3.algorithms:{name}" for name in ("ppo", "a2c", "dqn")}
    return named | {"sb3": "dlplug_sb3.by_name:any_algorithm"}


@hookimpl
def register_trainers():
    return {"sb3": "dlplug_sb3.trainer:Sb3Trainer"}


@hookimpl
def register_metrics():
    return {"sb3-episodes": "dlplug_sb3.evaluation.episodes:episodes"}


@hookimpl
def register_samplers():
    return {"sb3-film": "dlplug_sb3.evaluation.film:film"}


@hookimpl
def register_recipes():
    return RECIPES


@hookimpl
def diagnose():
    from importlib.util import find_spec

    missing = [module for module in ("ale_py", "cv2") if find_spec(module) is None]
    says = f"sb3-atari cannot play: {' and '.join(missing)} missing" if missing else "sb3-atari can play"
    advice = "pip install ale-py opencv-python (ale-py is GPL-2.0), if you want Atari games" if missing else ""
    return [{"name": "Atari for sb3", "works": True, "says": says, "advice": advice}]
