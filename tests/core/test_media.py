"""What is written to a file beside numbers: audio, tables, plots, and kinds that the core has never heard of."""

import csv
import json
import wave
from pathlib import Path

import numpy as np
import pytest

from dlplug import run
from dlplug.host.plugins import load_host
from dlplug.media import Audio, Media, Plot, Table

PLUGIN = '''
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from dlplug import Audio, Media, Table, hookimpl


@dataclass
class Score(Media):
    notes: str
    caption: str = ""
    path: Path = field(default_factory=Path)

    kind, suffix = "score", ".abc"

    def write(self, path):
        path.write_text(self.notes)
        return path


def heard(product, data):
    """Sounds, and what they are written as."""
    return {"sound": Audio(np.zeros(80), 8000), "counts": Table(["a", "b"], [[1, "x"]]), "score": Score("CDE")}


@hookimpl
def register_metrics():
    return {"heard": heard}
'''


@pytest.mark.parametrize("channels", [1, 2])
def test_audio_is_pcm_that_the_standard_library_reads(channels):
    samples = np.linspace(-1.5, 1.5, 300 * channels).reshape(300, channels)
    path = Audio(samples[:, 0] if channels == 1 else samples, 8000).write(Path("a.wav"))
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getframerate(), file.getnframes()) == (channels, 8000, 300)
        read = np.frombuffer(file.readframes(300), "<i2").reshape(300, channels) / 32767
    assert np.abs(read - samples.clip(-1, 1)).max() < 1e-4


def test_a_table_is_read_by_any_spreadsheet():
    path = Table(["word", "count"], [["a, b", 1], ["ü", 2.5]]).write(Path("t.csv"))
    with path.open(newline="", encoding="utf-8") as file:
        assert list(csv.reader(file)) == [["word", "count"], ["a, b", "1"], ["ü", "2.5"]]


def test_a_plot_is_drawn_once_and_closed():
    from matplotlib import pyplot

    figure, axes = pyplot.subplots()
    axes.plot([1, 2])
    assert "<svg" in Plot(figure).write(Path("p.svg")).read_text()
    assert figure.number not in pyplot.get_fignums()


def test_a_kind_that_nobody_knows_is_left_to_its_file(toys, quiet):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    Path("heard.py").write_text(PLUGIN, encoding="utf-8")
    host = load_host([toys, "heard.py"])
    done = run("toy-moons", quiet | {"points": 64, "metrics": ["heard"], "tensorboard.write": "on"}, host=host)
    (row,) = [r for r in map(json.loads, (done.folder / "metrics.jsonl").read_text().splitlines()) if "val/score" in r]
    assert (done.folder / row["val/score"]).read_text() == "CDE"
    assert [Path(row[f"val/{name}"]).suffix for name in ("sound", "counts")] == [".wav", ".csv"]
    events = EventAccumulator(str(done.folder / "tensorboard")).Reload()
    shown = events.Tensors("val/score/text_summary")[0].tensor_proto.string_val[0].decode()
    assert f"score: {row['val/score']}" in shown
    assert events.Tags()["audio"] == ["val/sound"]


def test_media_is_a_base_class_and_not_a_list_of_kinds():
    assert issubclass(Audio, Media)
    with pytest.raises(NotImplementedError):
        Media().write(Path("nothing"))
