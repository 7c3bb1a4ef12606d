"""Text: recurrent and transformer language models, their activations and gradients, and translation with attention."""

from dlplug import hookimpl
from dlplug_text.language.recipes import RECIPES
from dlplug_text.translation.recipes import TRANSLATION_RECIPES


@hookimpl
def register_data():
    return {
        "stdlib": "dlplug_text.data.texts:StandardLibrary",
        "tiny-shakespeare": "dlplug_text.data.texts:TinyShakespeare",
        "text": "dlplug_text.data.texts:TextFiles",
        "multi30k": "dlplug_text.data.pair_sets:Multi30k",
        "pairs": "dlplug_text.data.pair_sets:PairFiles",
        "dates": "dlplug_text.data.dates:Dates",
    }


@hookimpl
def register_models():
    return {
        "recurrent": "dlplug_text.language.recurrent:Recurrent",
        "gpt": "dlplug_text.language.gpt:GPT",
        "encoder-decoder": "dlplug_text.translation.recurrent:EncoderDecoder",
        "transformer": "dlplug_text.translation.transformer:Transformer",
    }


@hookimpl
def register_losses():
    return {
        "next-token": "dlplug_text.language.loss:NextToken",
        "translation": "dlplug_text.translation.loss:translation",
    }


@hookimpl
def register_metrics():
    return {
        "prediction": "dlplug_text.language.metrics:prediction",
        "sample": "dlplug_text.language.generation:sample",
        "translation-loss": "dlplug_text.translation.metrics:translation_loss",
        "exact-match": "dlplug_text.translation.metrics:exact_match",
        "bleu": "dlplug_text.translation.metrics:bleu",
    }


@hookimpl
def register_samplers():
    return {
        "text": "dlplug_text.language.generation:text",
        "cells": "dlplug_text.language.inspection:cells",
        "gradients": "dlplug_text.language.inspection:gradients",
        "translate": "dlplug_text.translation.samplers:translate",
    }


@hookimpl
def register_recipes():
    return RECIPES | TRANSLATION_RECIPES


@hookimpl
def register_exercises():
    return "dlplug_text.exercises:EXERCISES"
