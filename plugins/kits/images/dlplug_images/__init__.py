"""Images: data sets, folders of images, generated scenes, augmentation, and the loss and metrics of classifiers."""

from dlplug import hookimpl


@hookimpl
def register_data():
    return {
        "digits": "dlplug_images.sets.digits:Digits",
        "mnist": "dlplug_images.sets.mnist_cifar:MNIST",
        "fashion-mnist": "dlplug_images.sets.mnist_cifar:FashionMNIST",
        "kmnist": "dlplug_images.sets.mnist_cifar:KMNIST",
        "cifar10": "dlplug_images.sets.mnist_cifar:CIFAR10",
        "cifar100": "dlplug_images.sets.mnist_cifar:CIFAR100",
        "cifar10-jpeg": "dlplug_images.sets.cifar10_jpeg:CIFAR10Jpeg",
        "image-folder": "dlplug_images.folders.image_folder:ImageFolder",
    }


@hookimpl
def register_losses():
    return {"cross-entropy": "dlplug_images.cross_entropy:cross_entropy"}


@hookimpl
def register_metrics():
    return {"classification": "dlplug_images.classification:classification"}
