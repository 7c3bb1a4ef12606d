"""Run folders in every state that they are left in."""

from __future__ import annotations

import json
import time

import numpy as np
import pytest
from folders import PIXEL, a_run, lines_of
from hypothesis import given
from hypothesis import strategies as st

from dlplug import UserError
from dlplug.output import duration
from dlplug.runs.metrics_file import parse, read_metrics
from dlplug.runs.reader import find_runs, read_run


def test_a_finished_run_is_read_whole(tmp_path):
    lines = [*lines_of(3), {"step": 30, "seconds": 3.5, "frames": 120, "eval/return": 7.0}]
    record = read_run(a_run(tmp_path / "a", lines=lines, metrics={"eval/return": 8.0}))
    assert (record.status, record.last_words, record.unit, record.notes) == ("finished", "", "frames", [])
    assert (record.steps, record.seconds) == (30, 3.5)
    assert record.final["eval/return"] == 8.0, "result.json comes before the last line"
    loss = record.series["train/loss"]
    assert loss.step.tolist() == [10, 20, 30]
    assert loss.counted.tolist() == [40, 80, 120]
    assert loss.value.tolist() == [1 / 10, 1 / 20, 1 / 30]
    assert set(record.series) == {"train/loss", "train/return", "eval/return"}


@given(st.lists(st.fixed_dictionaries({"step": st.integers(0, 99)}, optional={
    "seconds": st.floats(0, 9), "a/x": st.none() | st.floats(-9, 9), "b/y": st.integers(-9, 9) | st.just("media/p.png"),
}), min_size=1))  # fmt: skip
def test_columns_are_those_that_reading_line_by_line_gives(tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("run")
    folder.joinpath("metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    metrics = read_metrics(folder)
    for name in ("a/x", "b/y"):
        points = sorted((row["step"], row[name]) for row in rows if isinstance(row.get(name), (int, float)))
        series = metrics.series.get(name)
        found = sorted(zip(series.step, series.value, strict=True)) if series else []
        assert found == points
    assert sum(medium.name == "b/y" for medium in metrics.media) == sum(
        "b/y" in r and r["b/y"] == "media/p.png" for r in rows
    )


def test_a_last_line_that_was_cut_off_is_left_out_and_said(tmp_path):
    record = read_run(a_run(tmp_path / "a", lines=lines_of(5), tail='{"step": 60, "train/lo', status=""))
    assert record.series["train/loss"].step.tolist() == [10, 20, 30, 40, 50]
    assert record.notes == ["the last line of metrics.jsonl was cut off and is left out"]


def test_a_whole_last_line_without_its_newline_counts():
    notes: list[str] = []
    assert parse('{"step": 1}\n{"step": 2}', notes) == [{"step": 1}, {"step": 2}]
    assert notes == []


def test_damaged_lines_are_left_out_and_counted():
    notes: list[str] = []
    text = '{"step": 1}\nnonsense\n{"step": 2}, {"step": 9}\n[3]\n{"no": "step"}\n{"step": 4}\n'
    assert parse(text, notes) == [{"step": 1}, {"step": 4}]
    assert notes == ["4 damaged lines of metrics.jsonl are left out"]


def test_values_that_were_not_finite_are_left_out_and_counted(tmp_path):
    lines = [{"step": 1, "train/loss": 1.0}, {"step": 2, "train/loss": None}, {"step": 3, "train/loss": 3.0}]
    record = read_run(a_run(tmp_path / "a", lines=lines))
    assert record.series["train/loss"].value.tolist() == [1.0, 3.0]
    assert record.notes == ["1 values of train/loss were not finite and are left out"]


def test_a_run_without_a_result_is_going_or_killed_by_how_long_it_has_been_silent(tmp_path):
    folder = a_run(tmp_path / "a", lines=lines_of(5), status="")
    now = time.time()
    assert read_run(folder, now).status == "running"
    later = read_run(folder, now + 7200)
    assert later.status == "killed"
    assert later.last_words == "last heard of 2 h 00 min ago, at step 50"


def test_a_run_with_rare_lines_is_given_more_time(tmp_path):
    lines = [{"step": 1, "seconds": 0.0, "train/loss": 1.0}, {"step": 2, "seconds": 4000.0, "train/loss": 1.0}]
    folder = a_run(tmp_path / "a", lines=lines, status="")
    assert read_run(folder, time.time() + 7200).status == "running"
    assert read_run(folder, time.time() + 12_600).status == "killed"


def test_a_failed_run_has_last_words(tmp_path):
    record = read_run(a_run(tmp_path / "a", lines=lines_of(2), status="failed", message="loss became nan at step 21"))
    assert (record.status, record.last_words) == ("failed", "loss became nan at step 21")


def test_a_run_that_was_resumed_and_has_gone_on_is_not_judged_by_its_old_result(tmp_path):
    folder = a_run(tmp_path / "a", lines=lines_of(2), status="interrupted")
    with (folder / "metrics.jsonl").open("a") as file:
        file.write(json.dumps({"step": 30, "seconds": 3.0, "train/loss": 0.1}) + "\n")
    assert read_run(folder).status == "running"


def test_missing_and_damaged_files_become_notes(tmp_path):
    folder = a_run(tmp_path / "a", lines=lines_of(2))
    (folder / "environment.json").write_text("{")
    (folder / "metrics.jsonl").unlink()
    record = read_run(folder)
    assert record.environment == {}
    assert record.notes == [
        "environment.json is damaged and was left out",
        "metrics.jsonl is missing: nothing was logged",
    ]


def test_media_are_found_said_to_be_deleted_and_never_read_outside_the_folder(tmp_path):
    (tmp_path / "secret.png").write_bytes(PIXEL)
    paths = ["media/here.png", "media/gone.png", "../secret.png", "media/words.txt", "media/film.mp4", "media/data.npz"]
    lines = [{"step": step, "val/shown": path} for step, path in enumerate(paths)]
    there = {path: PIXEL for path in paths if path.startswith("media") and "gone" not in path}
    media = read_run(a_run(tmp_path / "a", lines=lines, media=there)).media
    told = {medium.path.name: (medium.kind, medium.missing) for medium in media}
    assert told == {
        "here.png": ("picture", ""), "gone.png": ("picture", "was deleted"),
        "secret.png": ("picture", "lies outside the run folder"), "words.txt": ("text", ""),
        "film.mp4": ("video", ""), "data.npz": ("file", ""),
    }  # fmt: skip


def test_runs_are_found_by_folder_by_recipe_and_below_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    first, second = a_run(tmp_path / "runs/dqn-catch/1"), a_run(tmp_path / "runs/dqn-catch/2")
    a_run(first / "checkpoints/kept")
    assert find_runs(["dqn-catch"]) == [second]
    assert find_runs(["runs"]) == [first, second]
    assert find_runs([str(second), "runs/dqn-catch"]) == [second, first]


def test_an_empty_folder_and_a_wrong_name_are_told_in_a_line(tmp_path):
    with pytest.raises(UserError, match=r"holds no run: expected a folder with a config\.yaml"):
        find_runs([str(tmp_path)])
    with pytest.raises(UserError, match="neither a run folder"):
        find_runs(["nothing-like-it"])


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.5, "0.5 s"),
        (52, "52 s"),
        (59.7, "1 min 00 s"),
        (200, "3 min 20 s"),
        (7500, "2 h 05 min"),
        (273600, "3 d 4 h"),
    ],
)
def test_durations_are_told_in_two_units(seconds, words):
    assert duration(seconds) == words


def test_a_thousand_lines_are_read_in_their_order(tmp_path):
    record = read_run(a_run(tmp_path / "a", lines=lines_of(1000)))
    assert np.array_equal(record.series["train/loss"].step, np.arange(10, 10_001, 10))


def test_a_folder_whose_configuration_is_damaged_is_named(tmp_path, caplog):
    good, bad = tmp_path / "good", tmp_path / "bad"
    a_run(good)
    (bad / "deeper").mkdir(parents=True)
    (bad / "config.yaml").write_text("a: [1")
    (bad / "deeper" / "config.yaml").write_text("also: no run")
    assert find_runs([str(tmp_path)]) == [good]
    (said,) = [record.message for record in caplog.records]
    assert said.startswith(f"left out: {bad}/config.yaml is damaged")
