"""Text: recurrent nets and transformers that write, what goes on inside of them, and translation with attention."""

from dlplug import hookimpl
from dlplug_text.recipes import RECIPES
from dlplug_text.translation_recipes import TRANSLATION_RECIPES


@hookimpl
def register_data():
    return {
        "stdlib": "dlplug_text.texts:StandardLibrary",
        "tiny-shakespeare": "dlplug_text.texts:TinyShakespeare",
        "text": "dlplug_text.texts:TextFiles",
        "multi30k": "dlplug_text.pair_sets:Multi30k",
        "pairs": "dlplug_text.pair_sets:PairFiles",
        "dates": "dlplug_text.pair_sets:Dates",
    }


@hookimpl
def register_models():
    return {
        "recurrent": "dlplug_text.writers:Recurrent",
        "gpt": "dlplug_text.gpt:GPT",
        "encoder-decoder": "dlplug_text.translators:EncoderDecoder",
        "transformer": "dlplug_text.transformer:Transformer",
    }


@hookimpl
def register_losses():
    return {
        "next-token": "dlplug_text.losses:NextToken",
        "translation": "dlplug_text.translation:translation",
    }


@hookimpl
def register_metrics():
    return {
        "prediction": "dlplug_text.metrics:prediction",
        "sample": "dlplug_text.writing:sample",
        "translation-loss": "dlplug_text.translation:translation_loss",
        "exact-match": "dlplug_text.translation:exact_match",
        "bleu": "dlplug_text.translation:bleu",
    }


@hookimpl
def register_samplers():
    return {
        "text": "dlplug_text.writing:text",
        "cells": "dlplug_text.inside:cells",
        "gradients": "dlplug_text.inside:gradients",
        "translate": "dlplug_text.translation:translate",
    }


@hookimpl
def register_recipes():
    return RECIPES | TRANSLATION_RECIPES
