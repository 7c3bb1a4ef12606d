"""The toy classifier by lazy references, as an installed plugin gives it: nothing of it is imported to refuse a run."""

from dlplug import Preset, Recipe, Target, hookimpl, use


@hookimpl
def register_data():
    return {"moons": "toys:Moons", "ring": "toys:Ring"}


@hookimpl
def register_models():
    return {"mlp-toy": "toys:Mlp"}


@hookimpl
def register_losses():
    return {"cross-entropy-toy": "toys:cross_entropy"}


@hookimpl
def register_metrics():
    return {"accuracy-toy": "toys:accuracy"}


@hookimpl
def register_samplers():
    return {"grid": "tellers:grid", "word": "tellers:word"}


@hookimpl
def register_recipes():
    presets = {name: Preset(f"for a {name}", {"model.width": width}) for name, width in (("cpu", 8), ("gpu", 16))}
    return {
        "lazy-moons": Recipe(
            summary="moons, of which nothing is imported",
            data="moons",
            model="mlp-toy",
            loss="cross-entropy-toy",
            optimizer="adam",
            length="10 steps",
            source="none",
            metrics=["accuracy-toy"],
            samplers=[use("grid", count=2)],
            targets=[Target("test/accuracy", "all of the test split", "none", at_least=0.9)],
            presets=presets,
        ),
        "lazy-ring": Recipe(
            summary="a ring, without metrics, samplers and targets",
            data="ring",
            model="mlp-toy",
            loss="cross-entropy-toy",
            optimizer="adam",
            length="10 steps",
            source="none",
        ),
    }
