"""Images: the sets that everybody measures by, any folder of them, convolutional nets, and what these see inside."""

from dlplug import hookimpl
from dlplug_vision.recipes import RECIPES


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
    }


@hookimpl
def register_losses():
    return {"cross-entropy": "dlplug_vision.losses:cross_entropy"}


@hookimpl
def register_metrics():
    return {
        "classification": "dlplug_vision.metrics:classification",
        "mistakes": "dlplug_vision.mistakes:mistakes",
    }


@hookimpl
def register_samplers():
    return {
        "mistakes": "dlplug_vision.mistakes:mistakes",
        "filters": "dlplug_vision.inside:filters",
        "maps": "dlplug_vision.inside:maps",
        "saliency": "dlplug_vision.inside:saliency",
    }


@hookimpl
def register_recipes():
    return RECIPES
