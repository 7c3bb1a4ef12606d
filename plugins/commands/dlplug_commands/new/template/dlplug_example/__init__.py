"""A recipe of two interleaved spirals: its data, model, loss and metric."""

from dlplug import Recipe, Target, hookimpl, use


@hookimpl
def register_data():
    return {"example": "dlplug_example.data:Spirals"}


@hookimpl
def register_models():
    return {"example-net": "dlplug_example.model:Network"}


@hookimpl
def register_losses():
    return {"example-loss": "dlplug_example.loss:cross_entropy"}


@hookimpl
def register_metrics():
    return {"example-accuracy": "dlplug_example.metrics:accuracy"}


@hookimpl
def register_recipes():
    return {
        "example": Recipe(
            summary="A multilayer perceptron separates two spirals",
            data="example",
            model="example-net",
            loss="example-loss",
            optimizer=use("adam", learning_rate=0.01),
            length="1000 steps",
            metrics=["example-accuracy"],
            trainer=use("torch", threads=1),
            targets=[Target("test/accuracy", "500 points of the test split", "this plugin's own bar", at_least=0.95)],
            watch=["train/loss", "val/accuracy"],
            source="Lang & Witbrock 1988, Learning to tell two spirals apart",
        )
    }
