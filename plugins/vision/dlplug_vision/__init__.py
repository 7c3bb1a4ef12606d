"""Images: the sets that everybody measures by, any folder of them, convolutional nets, and what these see inside."""

from dlplug import hookimpl
from dlplug_vision.adversarial_recipes import ADVERSARIAL_RECIPES
from dlplug_vision.autoencoder_recipes import AUTOENCODER_RECIPES
from dlplug_vision.noise_recipes import NOISE_RECIPES
from dlplug_vision.recipes import RECIPES
from dlplug_vision.transfer_recipes import TRANSFER_RECIPES


@hookimpl
def register_data():
    return {
        "digits": "dlplug_vision.sets:Digits",
        "mnist": "dlplug_vision.sets:MNIST",
        "fashion-mnist": "dlplug_vision.sets:FashionMNIST",
        "kmnist": "dlplug_vision.sets:KMNIST",
        "cifar10": "dlplug_vision.sets:CIFAR10",
        "cifar100": "dlplug_vision.sets:CIFAR100",
        "cifar10-jpeg": "dlplug_vision.folders:CIFAR10Jpeg",
        "image-folder": "dlplug_vision.folders:ImageFolder",
    }


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
        "cross-entropy": "dlplug_vision.losses:cross_entropy",
        "adversarial": "dlplug_vision.adversarial:Adversarial",
        "reconstruction": "dlplug_vision.reconstruction:reconstruction",
        "noisy-cross-entropy": "dlplug_vision.noise_nets:NoisyCrossEntropy",
    }


@hookimpl
def register_metrics():
    return {
        "classification": "dlplug_vision.metrics:classification",
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
