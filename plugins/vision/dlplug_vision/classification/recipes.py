"""The plugin's recipes. Hyperparameters were chosen on the validation set; the test set is for `eval` and `verify`."""

from __future__ import annotations

from typing import Any

from dlplug import Preset, Recipe, Target, use

METRICS = ["classification", "mistakes", "attack"]
SAMPLERS = ["mistakes", "filters", "maps", "saliency", "attack"]
WATCH = ["train/loss", "train/accuracy"]
ZALANDO = "zalandoresearch/fashion-mnist, README: {} (submitted, not tested by the authors)"


def sgd(learning_rate: float, *, weight_decay: float = 5e-4, warmup: float = 0.2) -> Any:
    """SGD with Nesterov momentum and a learning rate that rises and falls linearly (Smith & Topin 2018, one cycle)."""
    return use(
        "sgd",
        learning_rate=learning_rate,
        momentum=0.9,
        nesterov=True,
        weight_decay=weight_decay,
        schedule="linear",
        warmup=warmup,
    )


RESNET_ON_CPU = {
    "data.batch_size": 128,
    "model.depth": 20,
    "optimizer.learning_rate": 0.2,
    "images": 500_000,
}
RESNET_ON_GPU = {"precision": "bf16", "graph": True}

RECIPES = {
    "digits": Recipe(
        summary="A small convolutional net classifies scikit-learn's digits, in seconds",
        data=use("digits", crop=1),
        model=use("quick-net", width=16, stages=2),
        loss="cross-entropy",
        optimizer=sgd(0.2),
        length="40k images",
        source="LeCun et al. 1998 (doi:10.1109/5.726791)",
        metrics=METRICS,
        samplers=SAMPLERS,
        trainer=use("torch", threads=1),
        targets=[
            Target(
                "test/accuracy",
                "scikit-learn's digits, the fixed 20 % test split",
                "scikit-learn's example 'Recognizing hand-written digits': 0.97 by a support vector machine",
                at_least=0.97,
                where={"data": "digits"},
            )
        ],
        watch=WATCH,
        level=1,
    ),
    "image-folder": Recipe(
        summary="A quick convolutional net classifies a folder of your own images, in minutes on two cores",
        data=use("image-folder", flip=True, crop=4),
        model=use("quick-net", stages=4),
        loss="cross-entropy",
        optimizer=sgd(0.1),
        length="100k images",
        source="He et al. 2016 (arXiv:1512.03385)",
        metrics=METRICS,
        samplers=SAMPLERS,
        watch=WATCH,
        needs="--data.path: a folder that has a folder of images for each class",
    ),
    "mnist-cnn": Recipe(
        summary="A quick convolutional net classifies MNIST, in minutes on two cores",
        data=use("mnist", crop=2),
        model="quick-net",
        loss="cross-entropy",
        optimizer=sgd(0.2),
        length="220k images",
        source="LeCun et al. 1998 (doi:10.1109/5.726791)",
        metrics=METRICS,
        samplers=SAMPLERS,
        targets=[
            Target(
                "test/accuracy",
                "MNIST, the 10,000 test images, one crop",
                "keras-io, examples/vision/mnist_convnet.py: 99.22 %",
                at_least=0.992,
                where={"data": "mnist"},
            )
        ],
        watch=WATCH,
        needs="MNIST, 12 MB",
        level=2,
    ),
    "fashion-cnn": Recipe(
        summary="A quick convolutional net classifies Fashion-MNIST, in minutes on two cores",
        data=use("fashion-mnist", flip=True),
        model="quick-net",
        loss=use("cross-entropy", smoothing=0.05),
        optimizer=sgd(0.2),
        length="550k images",
        source="Xiao et al. 2017 (arXiv:1708.07747)",
        metrics=METRICS,
        samplers=SAMPLERS,
        targets=[
            Target(
                "test/accuracy",
                "Fashion-MNIST, the 10,000 test images, one crop",
                ZALANDO.format("2 convolutions and 3 affine layers 93.2 to 93.4 %"),
                at_least=0.93,
                where={"data": "fashion-mnist"},
            )
        ],
        watch=WATCH,
        needs="Fashion-MNIST, 31 MB",
        level=2,
        bf16={"cpu": "1.6 times the images per second with AVX512-BF16"},
    ),
    "cifar10-resnet": Recipe(
        summary="A residual network on CIFAR-10",
        data=use("cifar10", batch_size=512, flip=True, crop=4),
        model="resnet",
        loss=use("cross-entropy", smoothing=0.1),
        optimizer=sgd(0.8),
        length="900k images",
        source="He et al. 2016 (arXiv:1512.03385); one cycle: Smith & Topin 2018 (arXiv:1708.07120)",
        metrics=METRICS,
        samplers=SAMPLERS,
        presets={
            "cpu": Preset("ResNet-20 for ten epochs: a demonstration, not meant to reach the target", RESNET_ON_CPU),
            "gpu": Preset(
                "ResNet-18 in bf16, the whole step as one CUDA graph",
                RESNET_ON_GPU,
                [
                    Target(
                        "test/accuracy",
                        "CIFAR-10, the 10,000 test images, one crop",
                        "KellerJordan/cifar10-airbench, README: 94.01 % in 2.6 s, ResNet-18 96.0 % in 7 min on an A100",
                        at_least=0.94,
                        where={"data": "cifar10"},
                    )
                ],
            ),
        },
        watch=WATCH,
        needs="CIFAR-10, 170 MB",
    ),
    "cifar10-jpeg-resnet": Recipe(
        summary="A residual network on a JPEG copy of CIFAR-10: an exercise, not comparable with CIFAR-10",
        data=use("cifar10-jpeg", batch_size=512, flip=True, crop=4),
        model="resnet",
        loss=use("cross-entropy", smoothing=0.1),
        optimizer=sgd(0.8),
        length="900k images",
        source="He et al. 2016 (arXiv:1512.03385)",
        metrics=METRICS,
        samplers=SAMPLERS,
        presets={
            "cpu": Preset("ResNet-20 for ten epochs", RESNET_ON_CPU),
            "gpu": Preset("ResNet-18 in bf16, the whole step as one CUDA graph", RESNET_ON_GPU),
        },
        watch=WATCH,
        needs="the archive cifar10_jpeg_q75.tar.gz, 19 MB",
    ),
}
