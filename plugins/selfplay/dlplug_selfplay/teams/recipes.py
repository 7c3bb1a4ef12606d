"""The recipe of team play."""

from __future__ import annotations

from dlplug import Recipe, Target, use

SOURCE = "Berner et al. 2019 (OpenAI Five, arXiv:1912.06680), in small; Schulman et al. 2017 (PPO, arXiv:1707.06347)"
BAR = "this project's own bar"


def won_against(script: str) -> Target:
    return Target(f"test/win_{script}", f"200 games against the script {script}, both sides", BAR, at_least=0.95)


RECIPES = {
    "ppo-arena": Recipe(
        summary="Two teams of three learn to fight together by playing against themselves and their past",
        data=use("team-rollouts", games=120, rollout=32),
        model="team-net",
        loss=use("team-ppo", gamma=0.99, trace=0.95, entropy=0.01, epochs=2, minibatches=4),
        optimizer=use("adam", learning_rate=5e-4, epsilon=1e-5, clip_norm=0.5, schedule="linear"),
        trainer=use("torch", threads=1, log_every=10, eval_every=200),
        length="10M actions",
        source=SOURCE,
        metrics=["team-matches"],
        samplers=["team-film"],
        targets=[
            *map(won_against, ("climb", "hunt", "hold", "pack")),
            Target("test/win_younger", "200 games against itself after a quarter of the training", BAR, at_least=0.8),
        ],
        watch=("train/win_past", "train/entropy", "train/game_length"),
        level=4,
    ),
}
