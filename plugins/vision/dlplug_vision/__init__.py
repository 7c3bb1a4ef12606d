"""Networks for images: classifiers, autoencoders, adversarial attacks, transfer learning, bags of
visual words, visualisation."""

from dlplug import hookimpl
from dlplug_vision.attacks.recipes import ADVERSARIAL_RECIPES
from dlplug_vision.autoencoders.recipes import AUTOENCODER_RECIPES
from dlplug_vision.bag_of_words.recipes import BAG_OF_WORDS_RECIPES
from dlplug_vision.classification.recipes import RECIPES
from dlplug_vision.noise.recipes import NOISE_RECIPES
from dlplug_vision.transfer.recipes import TRANSFER_RECIPES


@hookimpl
def register_data():
    return {"described-images": "dlplug_vision.bag_of_words.data:DescribedImages"}


@hookimpl
def register_models():
    return {
        "quick-net": "dlplug_vision.classification.quick:QuickNet",
        "lenet": "dlplug_vision.classification.classics:LeNet",
        "alexnet": "dlplug_vision.classification.classics:AlexNet",
        "vgg": "dlplug_vision.classification.classics:VGG",
        "dilated": "dlplug_vision.classification.classics:Dilated",
        "resnet": "dlplug_vision.classification.resnet:ResNet",
        "wide-resnet": "dlplug_vision.classification.resnet:WideResNet",
        "vit": "dlplug_vision.classification.transformer:ViT",
        "strided-net": "dlplug_vision.classification.strided:StridedNet",
        "transfer": "dlplug_vision.transfer.model:Transfer",
        "autoencoder": "dlplug_vision.autoencoders.networks:Autoencoder",
        "conv-autoencoder": "dlplug_vision.autoencoders.networks:ConvAutoencoder",
        "three-nets": "dlplug_vision.noise.networks:ThreeNets",
        "bag-of-words": "dlplug_vision.bag_of_words.model:BagOfWords",
    }


@hookimpl
def register_losses():
    return {
        "adversarial": "dlplug_vision.attacks.training:Adversarial",
        "reconstruction": "dlplug_vision.autoencoders.reconstruction:reconstruction",
        "noisy-cross-entropy": "dlplug_vision.noise.networks:NoisyCrossEntropy",
        "hinge-and-cross-entropy": "dlplug_vision.bag_of_words.training:HingeAndCrossEntropy",
    }


@hookimpl
def register_metrics():
    return {
        "attack": "dlplug_vision.attacks.metric:attack",
        "mistakes": "dlplug_vision.classification.mistakes:mistakes",
        "reconstructions": "dlplug_vision.autoencoders.reconstruction:reconstructions",
        "noise-table": "dlplug_vision.noise.table:noise_table",
        "bag-of-words": "dlplug_vision.bag_of_words.curve:bag_of_words",
    }


@hookimpl
def register_samplers():
    return {
        "mistakes": "dlplug_vision.classification.mistakes:mistakes",
        "filters": "dlplug_vision.inside.filters:filters",
        "maps": "dlplug_vision.inside.maps:maps",
        "saliency": "dlplug_vision.inside.saliency:saliency",
        "attack": "dlplug_vision.attacks.metric:show_attack",
        "reconstructions": "dlplug_vision.autoencoders.reconstruction:reconstructions",
        "between": "dlplug_vision.autoencoders.between:between",
        "noise-table": "dlplug_vision.noise.table:noise_table",
        "visual-words": "dlplug_vision.bag_of_words.dictionary:visual_words",
    }


@hookimpl
def register_recipes():
    return RECIPES | ADVERSARIAL_RECIPES | TRANSFER_RECIPES | AUTOENCODER_RECIPES | NOISE_RECIPES | BAG_OF_WORDS_RECIPES


@hookimpl
def register_exercises():
    return "dlplug_vision.exercises:EXERCISES"
