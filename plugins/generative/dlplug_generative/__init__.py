"""Nets that make pictures, or points of a plane: variational autoencoders, adversarial nets and diffusion."""

from dlplug import hookimpl
from dlplug_generative.diffusion_recipes import DIFFUSION_RECIPES
from dlplug_generative.feature_recipes import FEATURE_RECIPES
from dlplug_generative.gan_recipes import GAN_RECIPES
from dlplug_generative.vae_recipes import VAE_RECIPES


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
        "vae": "dlplug_generative.vae_nets:DenseVAE",
        "vae-conv": "dlplug_generative.vae_nets:ConvVAE",
        "planar-gan": "dlplug_generative.gan_planar:planar_gan",
        "dcgan": "dlplug_generative.gan_dcgan:dcgan",
        "resnet-gan": "dlplug_generative.gan_resnet:resnet_gan",
        "ddpm-unet": "dlplug_generative.unet:UNet",
        "ddpm-mlp": "dlplug_generative.denoisers:PlanarDenoiser",
        "feature-net": "dlplug_generative.features:FeatureNet",
    }


@hookimpl
def register_losses():
    return {
        "elbo": "dlplug_generative.vae_losses:EvidenceLowerBound",
        "iwae": "dlplug_generative.vae_losses:ImportanceWeighted",
        "gan": "dlplug_generative.gan:GAN",
        "diffusion": "dlplug_generative.diffusion:Diffusion",
    }


@hookimpl
def register_metrics():
    return {
        "generated": "dlplug_generative.samplers:generated",
        "evidence": "dlplug_generative.vae_metrics:evidence",
        "diffusion-bound": "dlplug_generative.diffusion_metrics:diffusion_bound",
        "modes": "dlplug_generative.coverage:modes",
        "fidelity": "dlplug_generative.fidelity:fidelity",
        "inception-fid": "dlplug_generative.fidelity:inception_fid",
        "memorisation": "dlplug_generative.memorisation:memorisation",
    }


@hookimpl
def register_samplers():
    return {
        "generated": "dlplug_generative.samplers:generated",
        "history": "dlplug_generative.samplers:history",
        "reconstructed": "dlplug_generative.vae_pictures:reconstructed",
        "interpolation": "dlplug_generative.vae_pictures:interpolation",
        "manifold": "dlplug_generative.vae_pictures:manifold",
        "memorisation": "dlplug_generative.memorisation:memorisation",
        "denoising": "dlplug_generative.diffusion_metrics:denoising",
    }


@hookimpl
def register_recipes():
    return VAE_RECIPES | GAN_RECIPES | FEATURE_RECIPES | DIFFUSION_RECIPES
