"""Gradients of discrete random variables: a race of estimators, and RELAX for policies beside A2C."""

from __future__ import annotations

from typing import Any

from dlplug import Recipe, Target, Use, use
from dlplug_rl.recipes.on_policy import A2C

RELAX = "Grathwohl et al. 2018 (arXiv:1711.00123)"
TABLE = f"{RELAX}, table 2: {{}} episodes (5 seeds)"
SOLVED = "CartPole-v0, training episodes until the mean return of the last 100 is 195"


def one_episode_a_step(
    summary: str, model: Use, loss: Use, learning_rate: float, at_most: float, source: str
) -> Recipe:
    """The protocol of the paper: one episode a step, networks of two layers of 10, RMSProp, γ 0.99, entropy 0.01."""
    return Recipe(
        summary=f"{summary}: episodes until CartPole is solved",
        data=use("episodes", id="CartPole-v0", environments=1, solved=195.0),
        model=model,
        loss=loss,
        trainer=use("torch", threads=1, log_every=1),
        optimizer=use("rmsprop", learning_rate=learning_rate),
        length="4k steps",
        source=f"{RELAX}, section 5.3; A2C: {A2C}",
        metrics=["solved"],
        samplers=[use("film", epsilon=0.0)],
        targets=[Target("test/episodes", SOLVED, source, at_most=at_most)],
        watch=["train/return", "train/entropy", "train/value_loss"],
    )


small: dict[str, Any] = {"hidden": 10, "depth": 2}
RECIPES = {
    "gradient-race": Recipe(
        summary="Five estimators of a discrete variable's gradient: their bias, their variance, where they lead",
        data="uniform-noise",
        model="gradient-racers",
        loss="gradient-race",
        trainer=use("torch", threads=1, log_every=20),
        optimizer=use("adam", learning_rate=0.01),
        length="3k steps",
        source=f"{RELAX}, section 5.1",
        metrics=["gradients"],
        targets=[
            Target(
                "test/variance_ratio",
                "variance of RELAX over that of REINFORCE at θ = -1, 100,000 samples",
                "this project's own bar; the paper has a figure",
                at_most=0.1,
            ),
            Target(
                "test/deviation",
                "largest bias of REINFORCE, REBAR and RELAX, in standard errors of 100,000 samples",
                "they are unbiased",
                at_most=4.0,
            ),
        ],
        watch=["train/logits_relax_probability", "train/logits_reinforce_probability"],
    ),
    "relax-cartpole": one_episode_a_step(
        "RELAX, a policy gradient with a learnt control variate",
        use("relaxed-policy", **small),
        use("relax", gamma=0.99, entropy=0.01),
        1e-2,
        472,
        TABLE.format("472 ± 114"),
    ),
    "a2c-episodes": one_episode_a_step(
        "A2C by whole episodes, the baseline of relax-cartpole",
        use("actor-critic", activation="relu", **small),
        use("a2c", gamma=0.99, trace=1.0, entropy=0.01),
        1e-2,
        1152,
        TABLE.format("1,152 ± 90"),
    ),
}
