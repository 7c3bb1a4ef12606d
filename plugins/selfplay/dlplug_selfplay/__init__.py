"""Board games by self-play: AlphaZero from tic-tac-toe to Go, with rated opponents."""

from dlplug import hookimpl
from dlplug_selfplay.recipes import RECIPES


@hookimpl
def register_data():
    return {"self-play": "dlplug_selfplay.playing.self_play:SelfPlay"}


@hookimpl
def register_models():
    return {"board-net": "dlplug_selfplay.networks.board_net:BoardNet"}


@hookimpl
def register_losses():
    return {"alphazero": "dlplug_selfplay.loss:alphazero"}


@hookimpl
def register_metrics():
    return {
        "every-reply": "dlplug_selfplay.evaluation.every_reply:every_reply",
        "match": "dlplug_selfplay.evaluation.matches:play_match",
        "openings": "dlplug_selfplay.evaluation.openings:openings",
        "scored-positions": "dlplug_selfplay.evaluation.scored_positions:scored_positions",
    }


@hookimpl
def register_samplers():
    return {"game": "dlplug_selfplay.sampler:game"}


@hookimpl
def register_commands():
    return {
        "play": "dlplug_selfplay.commands.play:play",
        "rate": "dlplug_selfplay.commands.rate:rate",
    }


@hookimpl
def register_recipes():
    return RECIPES
