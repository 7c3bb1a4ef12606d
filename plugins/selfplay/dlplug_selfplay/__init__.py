"""Board games by self-play, AlphaZero from tic-tac-toe to Go with rated opponents; and teams that play themselves."""

from dlplug import hookimpl
from dlplug_selfplay.recipes import RECIPES
from dlplug_selfplay.teams.recipes import RECIPES as TEAMS


@hookimpl
def register_data():
    return {
        "self-play": "dlplug_selfplay.playing.self_play:SelfPlay",
        "team-rollouts": "dlplug_selfplay.teams.rollouts:TeamRollouts",
    }


@hookimpl
def register_models():
    return {
        "board-net": "dlplug_selfplay.networks.board_net:BoardNet",
        "team-net": "dlplug_selfplay.teams.network:team_net",
    }


@hookimpl
def register_losses():
    return {"alphazero": "dlplug_selfplay.loss:alphazero", "team-ppo": "dlplug_play.on_policy.ppo:PPO"}


@hookimpl
def register_metrics():
    return {
        "every-reply": "dlplug_selfplay.evaluation.every_reply:every_reply",
        "match": "dlplug_selfplay.evaluation.matches:play_match",
        "openings": "dlplug_selfplay.evaluation.openings:openings",
        "scored-positions": "dlplug_selfplay.evaluation.scored_positions:scored_positions",
        "team-matches": "dlplug_selfplay.teams.evaluation:team_matches",
    }


@hookimpl
def register_samplers():
    return {"game": "dlplug_selfplay.sampler:game", "team-film": "dlplug_selfplay.teams.film:team_film"}


@hookimpl
def register_commands():
    return {
        "play": "dlplug_selfplay.commands.play:play",
        "rate": "dlplug_selfplay.commands.rate:rate",
    }


@hookimpl
def register_recipes():
    return {**RECIPES, **TEAMS}
