"""Exercises: functions of generative models that a student writes."""

from dlplug import Exercise, Target

POINTS = "eight Gaussians, 5,000 generated points"
ELBO = Target("val/elbo", "eight Gaussians, nats a point", at_least=-3.2)
VAE = {"steps": 1500, "eval_every": 0, "metrics": ["evidence"]}

EXERCISES = {
    "reparametrisation": Exercise(
        summary="A sample of a variational autoencoder's latents through which the gradient flows",
        function="dlplug_generative.vae.terms:reparametrised",
        check="dlplug_generative.exercises.vae:reparametrised",
        recipe="vae-8gaussians",
        options=VAE,
        target=ELBO,
        hints=[
            "Do not draw anything: the noise is passed to you, and all that is random is in it.",
            "z has mean μ and standard deviation σ where ε has mean 0 and standard deviation 1.",
            "log_variance is log σ²: half of it is log σ.",
        ],
        level=2,
    ),
    "gaussian-kl": Exercise(
        summary="The KL divergence of a diagonal normal distribution from the standard normal, in closed form",
        function="dlplug_generative.vae.terms:divergence",
        check="dlplug_generative.exercises.vae:divergence",
        recipe="vae-8gaussians",
        options=VAE,
        target=ELBO,
        hints=[
            "It is 0 where the mean is 0 and the log variance is 0, and positive everywhere else.",
            "Latents are independent: the divergence of all is the sum of theirs, not the mean.",
            "The variance σ² is exp(log_variance); the term - log σ² keeps it from shrinking to 0.",
        ],
        level=2,
    ),
    "gradient-penalty": Exercise(
        summary="WGAN-GP's penalty, which keeps a critic's gradient at length 1 between real and fake points",
        function="dlplug_generative.gan.penalties:gradient_penalty",
        check="dlplug_generative.exercises.gan:gradient_penalty",
        recipe="wgan-gp-8gaussians",
        options={"steps": 3000, "eval_every": 0, "metrics": ["modes"]},
        target=Target("val/modes", f"{POINTS}: modes that are covered", at_least=4),
        hints=[
            "A point between real and fake is fake + ε (real - fake), with one ε in [0, 1] for each example.",
            "input_gradient has the gradient of each score with respect to its own input, (B, inputs), and its graph.",
            "The norm is of each example's gradient, so dim=1; the penalty is (norm - 1)², one for each example.",
        ],
        level=3,
    ),
    "ddim-step": Exercise(
        summary="A step of DDIM: from the noisy state at one time to that at any earlier one",
        function="dlplug_generative.diffusion.samplers:ddim",
        check="dlplug_generative.exercises.diffusion:ddim",
        recipe="ddpm-8gaussians",
        options={
            "loss.sampler": "ddim",
            "loss.steps": 20,
            "loss.decay": 0.99,
            "steps": 1200,
            "eval_every": 0,
            "metrics": ["modes"],
        },
        target=Target("val/good", f"{POINTS}: share within three deviations of a Gaussian", at_least=0.8),
        hints=[
            "If x̂ is the clean example, the noise in z_t is (z_t - α_t x̂) / σ_t: noise_of has it.",
            "For η = 0 put the two together again at the time s: α_s x̂ + σ_s ε̂.",
            "For η > 0 a part τ of σ_s is new noise, and √(σ_s² - τ²) is left for ε̂; τ = η σ_s / σ_t · σ_{t|s}, and"
            " added_variance is σ²_{t|s}.",
        ],
        level=4,
    ),
}
