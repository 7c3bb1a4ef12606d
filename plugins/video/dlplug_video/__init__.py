"""Moving pictures: prediction of frames, lip reading, articulation."""

from dlplug import hookimpl
from dlplug_video.prediction.recipes import PREDICTION_RECIPES


@hookimpl
def register_data():
    return {"moving-digits": "dlplug_video.prediction.moving_digits:MovingDigits"}


@hookimpl
def register_models():
    return {
        "simvp": "dlplug_video.prediction.simvp:SimVP",
        "convlstm": "dlplug_video.prediction.convlstm:ConvLSTM",
    }


@hookimpl
def register_losses():
    return {"frame-error": "dlplug_video.prediction.loss:frame_error"}


@hookimpl
def register_metrics():
    return {"predicted-frames": "dlplug_video.prediction.metric:prediction"}


@hookimpl
def register_samplers():
    return {"predicted-frames": "dlplug_video.prediction.metric:show_prediction"}


@hookimpl
def register_recipes():
    return PREDICTION_RECIPES
