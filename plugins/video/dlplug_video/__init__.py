"""Moving pictures: prediction of frames, lip reading, articulation."""

from dlplug import hookimpl
from dlplug_video.articulation.recipes import ARTICULATION_RECIPES
from dlplug_video.lips.recipes import LIP_RECIPES
from dlplug_video.prediction.recipes import PREDICTION_RECIPES


@hookimpl
def register_data():
    return {
        "moving-digits": "dlplug_video.prediction.moving_digits:MovingDigits",
        "lip-words": "dlplug_video.lips.speech:LipWords",
        "grid": "dlplug_video.lips.grid.data:Grid",
        "articulation": "dlplug_video.articulation.words:Articulation",
    }


@hookimpl
def register_models():
    return {
        "simvp": "dlplug_video.prediction.simvp:SimVP",
        "convlstm": "dlplug_video.prediction.convlstm:ConvLSTM",
        "lipnet": "dlplug_video.lips.network:LipNet",
        "word-conv-gru": "dlplug_video.articulation.network:ConvGRU",
    }


@hookimpl
def register_losses():
    return {
        "frame-error": "dlplug_video.prediction.loss:frame_error",
        "lip-ctc": "dlplug_video.lips.reading:LipCTC",
    }


@hookimpl
def register_metrics():
    return {
        "predicted-frames": "dlplug_video.prediction.metric:prediction",
        "lip-reading": "dlplug_video.lips.reading:lip_reading",
        "word-accuracy": "dlplug_video.articulation.metric:word_accuracy",
    }


@hookimpl
def register_samplers():
    return {
        "predicted-frames": "dlplug_video.prediction.metric:show_prediction",
        "lip-reading": "dlplug_video.lips.reading:show_lips",
    }


@hookimpl
def register_recipes():
    return PREDICTION_RECIPES | LIP_RECIPES | ARTICULATION_RECIPES
