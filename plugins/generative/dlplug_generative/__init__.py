"""Generative models of images, or of points in the plane: variational autoencoders, GANs and diffusion."""

from dlplug import hookimpl
from dlplug_generative.diffusion.recipes import DIFFUSION_RECIPES
from dlplug_generative.gan.recipes import GAN_RECIPES
from dlplug_generative.measures.recipes import FEATURE_RECIPES
from dlplug_generative.vae.recipes import VAE_RECIPES


@hookimpl
def register_data():
    return {
        "eight-gaussians": "dlplug_generative.planar:EightGaussians",
        "swiss-roll": "dlplug_generative.planar:SwissRoll",
        "half-moons": "dlplug_generative.planar:HalfMoons",
    }


@hookimpl
def register_models():
    return {
        "vae": "dlplug_generative.vae.networks:DenseVAE",
        "vae-conv": "dlplug_generative.vae.networks:ConvVAE",
        "planar-gan": "dlplug_generative.gan.planar:planar_gan",
        "dcgan": "dlplug_generative.gan.dcgan:dcgan",
        "resnet-gan": "dlplug_generative.gan.resnet:resnet_gan",
        "ddpm-unet": "dlplug_generative.diffusion.unet:UNet",
        "ddpm-mlp": "dlplug_generative.diffusion.denoisers:PlanarDenoiser",
        "feature-net": "dlplug_generative.measures.features:FeatureNet",
    }


@hookimpl
def register_losses():
    return {
        "elbo": "dlplug_generative.vae.losses:EvidenceLowerBound",
        "iwae": "dlplug_generative.vae.losses:ImportanceWeighted",
        "gan": "dlplug_generative.gan.loss:GAN",
        "diffusion": "dlplug_generative.diffusion.loss:Diffusion",
    }


@hookimpl
def register_metrics():
    return {
        "generated": "dlplug_generative.samples.generated:generated",
        "evidence": "dlplug_generative.vae.metrics:evidence",
        "diffusion-bound": "dlplug_generative.diffusion.metrics:diffusion_bound",
        "modes": "dlplug_generative.measures.coverage:modes",
        "fidelity": "dlplug_generative.measures.fidelity:fidelity",
        "inception-fid": "dlplug_generative.measures.fidelity:inception_fid",
        "memorisation": "dlplug_generative.measures.memorisation:memorisation",
    }


@hookimpl
def register_samplers():
    return {
        "generated": "dlplug_generative.samples.generated:generated",
        "history": "dlplug_generative.samples.generated:history",
        "reconstructed": "dlplug_generative.vae.samplers:reconstructed",
        "interpolation": "dlplug_generative.vae.samplers:interpolation",
        "manifold": "dlplug_generative.vae.samplers:manifold",
        "memorisation": "dlplug_generative.measures.memorisation:memorisation",
        "denoising": "dlplug_generative.diffusion.denoising:denoising",
    }


@hookimpl
def register_recipes():
    return VAE_RECIPES | GAN_RECIPES | FEATURE_RECIPES | DIFFUSION_RECIPES


@hookimpl
def register_exercises():
    return "dlplug_generative.exercises:EXERCISES"
