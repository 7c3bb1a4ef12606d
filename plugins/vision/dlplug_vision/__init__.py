"""Nets of images: classifiers, autoencoders, attacks on them, transfer, and what they see inside."""

from dlplug import hookimpl
from dlplug_vision.adversarial_recipes import ADVERSARIAL_RECIPES
from dlplug_vision.autoencoder_recipes import AUTOENCODER_RECIPES
from dlplug_vision.noise_recipes import NOISE_RECIPES
from dlplug_vision.recipes import RECIPES
from dlplug_vision.transfer_recipes import TRANSFER_RECIPES


@hookimpl
def register_models():
    return {
        "quick-net": "dlplug_vision.quick:QuickNet",
        "lenet": "dlplug_vision.classics:LeNet",
        "alexnet": "dlplug_vision.classics:AlexNet",
        "vgg": "dlplug_vision.classics:VGG",
        "dilated": "dlplug_vision.classics:Dilated",
        "resnet": "dlplug_vision.resnet:ResNet",
        "wide-resnet": "dlplug_vision.resnet:WideResNet",
        "vit": "dlplug_vision.transformer:ViT",
        "strided-net": "dlplug_vision.strided:StridedNet",
        "transfer": "dlplug_vision.transfer:Transfer",
        "autoencoder": "dlplug_vision.autoencoders:Autoencoder",
        "conv-autoencoder": "dlplug_vision.autoencoders:ConvAutoencoder",
        "three-nets": "dlplug_vision.noise_nets:ThreeNets",
    }


@hookimpl
def register_losses():
    return {
        "adversarial": "dlplug_vision.adversarial:Adversarial",
        "reconstruction": "dlplug_vision.reconstruction:reconstruction",
        "noisy-cross-entropy": "dlplug_vision.noise_nets:NoisyCrossEntropy",
    }


@hookimpl
def register_metrics():
    return {
        "attack": "dlplug_vision.attacked:attack",
        "mistakes": "dlplug_vision.mistakes:mistakes",
        "reconstructions": "dlplug_vision.reconstruction:reconstructions",
        "noise-table": "dlplug_vision.noise_table:noise_table",
    }


@hookimpl
def register_samplers():
    return {
        "mistakes": "dlplug_vision.mistakes:mistakes",
        "filters": "dlplug_vision.inside:filters",
        "maps": "dlplug_vision.inside:maps",
        "saliency": "dlplug_vision.inside:saliency",
        "attack": "dlplug_vision.attacked:show_attack",
        "reconstructions": "dlplug_vision.reconstruction:reconstructions",
        "between": "dlplug_vision.between:between",
        "noise-table": "dlplug_vision.noise_table:noise_table",
    }


@hookimpl
def register_recipes():
    return RECIPES | ADVERSARIAL_RECIPES | TRANSFER_RECIPES | AUTOENCODER_RECIPES | NOISE_RECIPES
