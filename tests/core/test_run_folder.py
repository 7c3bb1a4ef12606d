"""What a run leaves behind: the files of the run folder, whole and readable, and nothing after an error."""

import json

import pytest
import torch
import yaml

import dlplug
from dlplug import Loss, Update, UserError, hookimpl
from dlplug.cli.main import main
from dlplug.host.plugins import load_host
from dlplug.runs.folder import find_run
from dlplug.training import checkpoint
from dlplug.training.meter import Diverged, Meter


def lines(run):
    return [json.loads(line) for line in (run.folder / "metrics.jsonl").read_text().splitlines()]


def test_a_run_folder_holds_what_it_should(host, quiet, in_tmp_path):
    run = dlplug.run("toy-moons", {**quiet, "steps": 120, "seed": 5}, host=host)
    assert run.folder.parent == (in_tmp_path / "runs" / "toy-moons").relative_to(in_tmp_path)
    result = json.loads((run.folder / "result.json").read_text())
    assert result == run.result
    assert {k: result[k] for k in ("recipe", "seed", "status", "steps", "points")} == {
        "recipe": "toy-moons", "seed": 5, "status": "finished", "steps": 120, "points": 120 * 32}  # fmt: skip
    assert result["device"].startswith("cpu")
    assert result["metrics"]["val/accuracy"] > 0.5
    assert result["points_per_second"] == pytest.approx(32 * result["steps_per_second"], rel=0.01)
    logged = lines(run)
    assert [line["step"] for line in logged if "train/loss" in line] == [50, 100, 120]
    assert all({"step", "seconds", "points"} <= line.keys() for line in logged)
    note = next(line["val/note"] for line in logged if "val/note" in line)
    assert (run.folder / note).read_text().endswith("of 512")
    environment = json.loads((run.folder / "environment.json").read_text())
    assert environment["libraries"]["torch"] == torch.__version__.partition("+")[0]
    assert {"core", "toys"} <= environment["plugins"].keys()
    assert yaml.safe_load((run.folder / "config.yaml").read_text())["data.batch_size"] == 32


def test_the_configuration_alone_reproduces_the_run(host, quiet, in_tmp_path):
    first = dlplug.run("toy-moons", {**quiet, "steps": 60, "model.width": 7}, host=host)
    again = in_tmp_path / "again"
    quieter = [f"--{key.replace('_', '-')}={value}" for key, value in quiet.items()]
    arguments = ["run", "toy-moons", "-p", host.plugins[-1].distribution, "--out", str(again)]
    assert main([*arguments, "--config", str(first.folder / "config.yaml"), *quieter]) == 0
    result = json.loads((again / "result.json").read_text())
    assert result["metrics"] == first.result["metrics"]


def test_tensorboard_has_the_same_names(host, quiet, in_tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run = dlplug.run("toy-moons", {**quiet, "steps": 50, "tensorboard.write": "on"}, host=host)
    events = EventAccumulator(str(run.folder / "tensorboard")).Reload()
    assert {"train/loss", "val/accuracy", "seconds", "points"} <= set(events.Tags()["scalars"])
    (loss,) = events.Scalars("train/loss")
    assert loss.step == 50
    assert loss.value == pytest.approx(next(line["train/loss"] for line in lines(run) if "train/loss" in line))


def test_an_existing_run_folder_is_left_alone(host, quiet, in_tmp_path):
    (in_tmp_path / "mine").mkdir()
    (in_tmp_path / "mine" / "thesis.txt").write_text("precious")
    with pytest.raises(UserError, match="exists already: go on with `dlplug resume mine`"):
        dlplug.run("toy-moons", quiet, out="mine", host=host)
    assert (in_tmp_path / "mine" / "thesis.txt").read_text() == "precious"


def test_a_folder_that_cannot_be_written(host, quiet, in_tmp_path):
    (in_tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot write the run folder file/run"):
        dlplug.run("toy-moons", quiet, out="file/run", host=host)


def test_a_run_that_cannot_begin_leaves_nothing(host, quiet, in_tmp_path):
    with pytest.raises(ValueError, match="batch_size"):
        dlplug.run("toy-moons", {**quiet, "data.batch_size": 10**6}, out="half", host=host)
    assert not (in_tmp_path / "half").exists()
    with pytest.raises(UserError, match="--device cuda:99"):
        dlplug.run("toy-moons", {**quiet, "device": "cuda:99"}, host=host)
    assert not (in_tmp_path / "runs").exists()


class Exploding(Loss):
    """Becomes NaN at the seventh batch."""

    parts = ("0", "3")

    def __init__(self, model):
        super().__init__(model)
        self.calls = 0

    def updates(self, batch):
        self.calls += 1
        loss = self.model(batch.x).square().mean()
        yield Update(loss, "0")
        yield Update(self.model(batch.x).square().mean() * (float("nan") if self.calls == 7 else 1.0), "3")


@pytest.fixture
def exploding(toys):
    host = load_host([str(toys)])

    class Plugin:
        @hookimpl
        def register_losses(self):
            return {"exploding": Exploding}

    plugin = Plugin()
    host.manager.register(plugin)
    from dlplug.host.plugins import Entry

    host._entries["losses"]["exploding"] = Entry("losses", "exploding", Exploding, host.plugins[-1])
    return host


def test_a_loss_that_is_not_finite_stops_the_run_and_keeps_the_last_good_checkpoint(exploding, quiet, in_tmp_path):
    options = {**quiet, "loss": "exploding", "steps": 50, "checkpoint_every": 3, "log_every": 10}
    with pytest.raises(Diverged, match="3_loss became nan at step 7"):
        dlplug.run("toy-moons", options, out="run", host=exploding)
    result = json.loads((in_tmp_path / "run" / "result.json").read_text())
    assert result["status"] == "failed"
    assert "step 7" in result["message"]
    assert [p.name for p in (in_tmp_path / "run" / "checkpoints").iterdir()] == ["last-000000006"]


def test_the_meter_gives_means_and_forgets():
    meter = Meter()
    for value in (1.0, 3.0):
        meter.add([Update(torch.tensor(value), "critic", score=torch.tensor(2 * value), rate=0.5)])
    assert meter.flush(2) == {"critic_loss": 2.0, "score": 4.0, "rate": 0.5}
    assert meter.flush(2) == {}


def test_the_meter_reads_numbers_and_scalars_of_any_type():
    meter = Meter()
    for value in (1, 2):
        half, double = torch.tensor(value, dtype=torch.bfloat16), torch.tensor(0.1 * value, dtype=torch.float64)
        meter.add(
            [Update(double, half=half, right=torch.tensor(value == 2), count=torch.tensor(value), steps=3 * value)]
        )
    assert meter.flush(2) == {"loss": 0.15, "half": 1.5, "right": 0.5, "count": 1.5, "steps": 4.5}


def test_values_of_one_name_from_several_parts_stay_apart():
    meter = Meter()
    for score in (1.0, 3.0):
        meter.add([Update(torch.tensor(0.0), "net.critic", score=torch.tensor(score), penalty=1.0),
                   Update(torch.tensor(0.0), "generator", score=torch.tensor(-score))])  # fmt: skip
    values = {"net_critic_score": 2.0, "generator_score": -2.0, "penalty": 1.0}
    assert meter.flush(2) == {"net_critic_loss": 0.0, "generator_loss": 0.0, **values}
    meter.add([Update(torch.tensor(0.0), "generator", score=torch.tensor(5.0))])  # the name does not change again
    assert meter.flush(3) == {"generator_loss": 0.0, "generator_score": 5.0}


def test_what_a_meter_keeps_holds_no_graph():
    weight = torch.ones(1, requires_grad=True)
    update = Update((weight * 2).sum(), value=(weight * 3).sum())
    Meter().add([update])
    assert update.loss.grad_fn is None
    assert update.values["value"].grad_fn is None


def test_media_are_written_and_named(host, quiet, in_tmp_path):
    import numpy as np

    from dlplug import Image, Video

    run = dlplug.run("toy-moons", {**quiet, "steps": 1}, host=host)
    run.step = 12
    picture = Image(np.random.default_rng(0).integers(0, 256, (8, 6, 3), dtype=np.uint8))
    film = Video(np.random.default_rng(0).integers(0, 256, (9, 32, 48, 3), dtype=np.uint8), fps=3)
    run.write_media("eval/picture", picture)
    run.write_media("eval/film", film)
    from imageio.v3 import improps, imread

    assert picture.path.name == "eval-picture-000000012.png"
    assert np.array_equal(imread(picture.path), picture.pixels)
    assert improps(film.path, plugin="pyav").shape == (9, 32, 48, 3)


def test_of_equal_values_the_later_checkpoint_is_the_best(host, quiet, in_tmp_path):
    still = {"optimizer.learning_rate": 1e-12, "steps": 20, "eval_every": 10}
    run = dlplug.run("toy-moons", {**quiet, **still}, out="run", host=host)
    lines = [json.loads(line) for line in (run.folder / "metrics.jsonl").open()]
    values = [line["val/accuracy"] for line in lines if "val/accuracy" in line]
    assert len(values) == 2
    assert values[0] == values[1]
    assert checkpoint.newest(run.folder / "checkpoints", "best").name == "best-000000020"


def test_a_folder_is_named_by_what_stands_in_place_of_the_recipes_own(quiet, in_tmp_path):
    small = {**quiet, "steps": 1, "metrics": []}
    own = dlplug.run("mlp-moons", small)
    other = dlplug.run("mlp-moons", {**small, "model": "affine"})
    assert own.folder.name.count("-") == 2
    assert other.folder.name.endswith("-affine")
    assert find_run("mlp-moons") == other.folder
