"""Exercises: functions of Q-learning that a student writes."""

from dlplug import Exercise, Target

CATCH = Target("eval/return", "Catch 10x5, mean of 30 greedy episodes; random play -0.6", at_least=0.9)
SHORT = {"frames": 6000, "data.epsilon_steps": 2000}

EXERCISES = {
    "td-target": Exercise(
        summary="The target of Q-learning: rewards, and the bootstrap of the next value",
        function="dlplug_rl.losses.targets:td_target",
        check="dlplug_rl.exercises.checks:td_target",
        recipe="dqn-catch",
        options=SHORT,
        target=CATCH,
        hints=[
            "The reward counts in any case; the next value only where the episode goes on.",
            "terminated is 1.0 where the episode ended: 1 - terminated switches the bootstrap off.",
            "next_value may have more axes than reward: give reward and discount as many, by view(-1, 1, …), so that"
            " row b meets row b.",
        ],
        level=2,
    ),
    "lambda-returns": Exercise(
        summary="Peng's Q(λ): returns of a rollout, from its last step back to its first",
        function="dlplug_rl.players.rollout:lambda_returns",
        check="dlplug_rl.exercises.checks:lambda_returns",
        recipe="dqn-catch",
        options={
            "data": "gym-rollout",
            "data.id": "dlplug_envs:dlplug/Catch-v0",
            "data.epsilon_steps": 10_000,
            "model.layer_norm": True,
            "loss": "pqn",
            "frames": 40_000,
        },
        target=CATCH,
        hints=[
            "Walk backwards through time, and keep the return of the step after.",
            "After the last row nothing is known but next_value: there G is r + γ next_value.",
            "Where an episode ended, by a time limit too, the next row belongs to another episode: take next_value"
            " alone. Where the bootstrap stops, take 0.",
        ],
        level=3,
    ),
    "gae": Exercise(
        summary="Generalised advantage estimates: discounted sums of TD errors, to the end of each episode",
        function="dlplug_play.on_policy.advantages:gae",
        check="dlplug_rl.exercises.checks:gae",
        recipe="ppo-cartpole",
        options={"frames": 30_000},
        target=Target("eval/return", "CartPole-v1, mean of greedy episodes; random play 22", at_least=150),
        hints=[
            "The TD error δ_t is r_t + γ V(s_{t+1}) - V(s_t); value has one row more than reward: value[1:] is the"
            " next one's.",
            "Walk backwards through time: A_t = δ_t + γ λ A_{t+1}, and 0 after the last row.",
            "terminated takes the next value out of δ; ended, which a time limit sets too, takes A_{t+1} out.",
        ],
        level=3,
    ),
    "c51-projection": Exercise(
        summary="Categorical Q-learning: a shifted distribution of returns, projected back onto the atoms",
        function="dlplug_rl.losses.targets:projection",
        check="dlplug_rl.exercises.checks:projection",
        recipe="dqn-catch",
        options={
            "loss": "c51",
            "loss.target_every": 50,
            "model.returns": "categorical",
            "model.low": -1.0,
            "model.high": 1.0,
            "model.atoms": 21,
            **SHORT,
        },
        target=CATCH,
        hints=[
            "A goal beyond the first or the last atom counts there: clamp it.",
            "A goal a third of the way from one atom to the next gives two thirds of its mass to the one, a third to"
            " the other.",
            "An atom's share of a goal is 1 - |goal - atom| / spacing, and 0 where that is negative: no floor and ceil,"
            " which lose the mass of a goal on an atom.",
        ],
        level=4,
    ),
}
