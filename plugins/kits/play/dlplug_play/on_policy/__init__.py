"""On-policy learning: rollouts, advantages, action distributions, actors with a critic, and PPO."""
