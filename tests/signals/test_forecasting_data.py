"""Series cut into windows: each window once, no leak from later rows, the published files read as they lie."""

from __future__ import annotations

import gzip
import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch
from dlplug_signals.forecasting.data.csv_series import CsvSeries, read_series
from dlplug_signals.forecasting.data.ett import ETTh1
from dlplug_signals.forecasting.data.files import read_published
from dlplug_signals.forecasting.data.m4 import M4Hourly, M4Weekly
from dlplug_signals.forecasting.data.seasons import Seasons, drawn_noise, expected_noise
from dlplug_signals.forecasting.windows import Windows, standardised, three_parts
from torch import nn

from dlplug import Remote, UserError, data_folder, testing

SMALL = Windows(input=24, horizon=6, batch_size=8)


def real(*names: str) -> None:
    """Skips a test whose real data are not here."""
    if missing := [name for name in names if not (data_folder() / f"{name}.gz").is_file()]:
        pytest.skip(f"{missing[0]} is not in {data_folder()}")


def test_windows_are_all_there_is_and_their_forecasts_lie_in_their_split():
    starts = three_parts(60, 30, 45, SMALL)
    rows = range(60)
    for part, (begin, end) in {"train": (0, 30), "val": (30, 45), "test": (45, 60)}.items():
        slow = []
        for start in rows:
            forecast = rows[start + 24 : start + 30]
            if len(forecast) == 6 and begin <= forecast[0] and forecast[-1] < end:
                slow.append(start)
        assert starts[part].tolist() == slow
    assert starts["test"][0] == 45 - 24, "an input looks back over the border"


def test_an_epoch_has_each_window_once_and_batches_are_the_rows():
    data = Seasons(length=120, columns=2, windows=Windows(24, 6, 1), seed=0)
    batches = data.batches(nn.Linear(1, 1))
    seen = [next(batches) for _ in range(data.steps_per_epoch())]
    first = {batch.x[0, 0, 0].item() for batch in seen}
    assert first == {data.series[start, 0].item() for start in range(72 - 30 + 1)}
    held_out = data.split("test")
    window = held_out.take(torch.tensor([3]))
    start = int(held_out.starts[3])
    assert torch.equal(torch.cat([window.x[0], window.y[0]]), data.series[start : start + 30])
    assert sum(len(batch.x) for batch in held_out.batches(size=5)) == len(held_out.starts) == 24 - 6 + 1


def test_scaling_reads_the_training_rows_alone():
    values = torch.randn(50, 2).double()
    values[:, 1] = 7.0
    changed = values.clone()
    changed[30:] += 100
    scaled, other = standardised(values, 30), standardised(changed, 30)
    assert torch.equal(scaled[:30], other[:30])
    assert scaled[:30, 0].mean().abs() < 1e-12
    assert (scaled[:30, 0].std(correction=0) - 1).abs() < 1e-12
    assert scaled[:, 1].eq(0).all(), "a constant column is not divided by zero"


def test_data_resume_at_any_batch():
    data = Seasons(length=200, columns=2, windows=SMALL, seed=3)
    testing.check_data(data, nn.Linear(1, 1))


def test_the_generators_best_forecast_is_the_conditional_mean():
    ar, horizon = (0.6, -0.2), 3
    generator = torch.Generator().manual_seed(0)
    past = torch.tensor([[0.5], [2.0], [-1.0]])[None]
    futures = past.expand(40_000, -1, -1)
    for _ in range(horizon):  # simulated, one shock after another
        shock = torch.randn(len(futures), 1, generator=generator)
        following = ar[0] * futures[:, -1] + ar[1] * futures[:, -2] + shock
        futures = torch.cat([futures, following[:, None]], 1)
    simulated = futures[:, -horizon:].mean(0)
    assert torch.allclose(expected_noise(past, ar, horizon)[0], simulated, atol=0.02)


def test_the_best_forecasts_error_is_the_noises_own():
    data = Seasons(length=20_000, columns=3, ar=(0.7,), windows=Windows(24, 4, 8), seed=1)
    held_out = data.split("test")
    error = (held_out.best(slice(None)) - held_out.take(slice(None)).y).square().mean((0, 2))
    unit = (data.series - data.noiseless).var(0).mean() / drawn_noise(12_000, 1, (0.7,), torch.Generator()).var()
    expected = torch.tensor([sum(0.49**j for j in range(h)) for h in range(1, 5)]) * unit
    assert torch.allclose(error, expected.float(), rtol=0.06)
    assert error[0] < 0.6 * error[-1]


def test_noise_that_would_grow_is_refused():
    with pytest.raises(UserError, match=r"\[1.1\] is not stationary"):
        Seasons(ar=(1.1,), seed=0)


def test_an_input_shorter_than_the_noise_s_memory_is_refused():
    with pytest.raises(UserError, match=r"--data.input must be at least 2, one value for each --data.ar, got 1"):
        Seasons(length=1000, windows=Windows(1, 10, 1), seed=0)


def test_a_split_without_a_window_is_refused():
    with pytest.raises(UserError, match=r"the train split has no window of --data.input 80"):
        Seasons(length=120, windows=Windows(80, 10, 1), seed=0)
    with pytest.raises(UserError, match="between 1 and the 43 training windows, got 99"):
        Seasons(length=120, windows=Windows(24, 6, 99), seed=0)


def test_etth1_has_the_published_split():
    real("ett/ETTh1.csv")
    data = ETTh1(seed=0)
    assert [len(data.starts[part]) for part in ("train", "val", "test")] == [8209, 2785, 2785]
    assert data.starts["test"][-1] + 336 + 96 == 14_400
    assert data.series[:8640].mean(0).abs().max() < 1e-4
    assert data.spec.names[-1] == "OT"
    assert data.spec.input == (336, 7)
    # the scaled OT's first value, from the README's mean and deviation: (30.531 - 17.13) / 9.18
    assert data.series[0, -1].item() == pytest.approx((30.531 - 17.13) / 9.18, abs=2e-3)
    assert ETTh1(columns="OT", seed=0).series.shape[1] == 1


def test_m4_keeps_the_held_out_values_from_training():
    real("m4/Hourly-train.csv", "m4/Hourly-test.csv")
    data = M4Hourly(seed=0)
    assert len(data.starts["test"]) == 414
    assert len(data.starts["train"]) == 169 * (700 - 48 - 384 + 1) + 245 * (960 - 48 - 384 + 1)
    covered = torch.zeros(len(data.series), dtype=torch.bool)
    for offset in range(384):
        covered[data.starts["train"] + offset] = True
    for part, ahead in (("val", 48), ("test", 48)):
        for start in data.starts[part]:
            assert not covered[start + 336 : start + 336 + ahead].any()
    assert torch.equal(data.starts["test"] - data.starts["val"], torch.full((414,), 48))


def test_m4_names_the_series_that_is_too_short():
    real("m4/Weekly-train.csv", "m4/Weekly-test.csv")
    with pytest.raises(UserError, match=r"series W\d+ has 80 values: --data.input must be at most 54"):
        M4Weekly(windows=Windows(104, 13, 8), seed=0)
    with pytest.raises(UserError, match=r"a horizon of 13: --data.horizon 48"):
        M4Weekly(windows=Windows(52, 48, 8), seed=0)


def test_a_compressed_copy_is_read_in_place_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DLPLUG_DATA", str(tmp_path))
    content = b"a,b\n1,2\n"
    remote = Remote("x.csv", "https://example.invalid/x.csv", len(content), hashlib.sha256(content).hexdigest())
    (tmp_path / "x.csv.gz").write_bytes(gzip.compress(content))
    assert read_published(remote) == content.decode()
    (tmp_path / "x.csv.gz").write_bytes(gzip.compress(b"other"))
    with pytest.raises(UserError, match=r"x\.csv\.gz is not https"):
        read_published(remote)
    (tmp_path / "x.csv.gz").write_bytes(gzip.compress(content)[:-6])
    with pytest.raises(UserError, match=r"x\.csv\.gz is damaged"):
        read_published(remote)


def written(folder: Path, text: str) -> Path:
    path = folder / "series.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_csv_of_ones_own(tmp_path: Path):
    lines = ["time;load;heat", *(f"2026-01-{1 + i // 24:02} {i % 24:02}:00;{i};{2 * i}" for i in range(240))]
    path = written(tmp_path, "\n".join(lines))
    data = CsvSeries(path=str(path), date="time", separator=";", windows=SMALL, seed=0)
    assert data.spec.names == ("load", "heat")
    assert [len(data.starts[part]) for part in ("train", "val", "test")] == [168 - 29, 24 - 5, 48 - 5]
    assert torch.allclose(data.series[:, 0], data.series[:, 1])


def test_gaps_are_filled_on_demand_and_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    path = written(
        tmp_path, "day,x,y\n2026-01-01,1,1\n2026-01-02,,2\n2026-01-03,3,3\n2026-01-06,6,NA\n2026-01-07,7,7\n"
    )
    with caplog.at_level("INFO", logger="dlplug"):
        names, values = read_series(path, "day", ",", interpolate=True)
    assert names == ("x", "y")
    assert np.allclose(values, np.repeat(np.arange(1.0, 8)[:, None], 2, 1))
    assert "6 of 14 values were missing" in caplog.text


@pytest.mark.parametrize(
    ("text", "date", "says"),
    [
        ("x,y\n1,2\n,2\n3,4\n", "", "row 3, column 'x': the value is missing"),
        ("x,y\n1,2\n2,2\n3,\n", "", "series of unequal length: column 'y' has values from row 2 to 3"),
        ("x,y\n1,2\n2\n", "", "row 3 has 1 cells, and the header has 2"),
        ("x,y\n1,2\ntwo,2\n", "", "row 3, column 'x': 'two' is not a number"),
        ("day,y\n2026-01-01,2\n2026-01-02,2\n", "", "--data.date names the column of dates"),
        ("day,y\n2026-01-01,2\nsoon,2\n", "day", "row 3: 'soon' is not a date"),
        ("day,y\n2026-01-01,2\n2026-01-02,2\n2026-01-05,2\n2026-01-06,3\n", "day", "gap: row 4 comes 3 days"),
        ("day,y\n2026-01-02,2\n2026-01-01,2\n", "day", "not later than that of the row before"),
        ("day,y\n2026-01-01,2\n2026-01-02,2\n", "dya", "no column 'dya'.*day"),
        ("x\n\n", "", "no rows below a header"),
        ("x,y\n1,inf\n", "", "column 'y' is infinite"),
    ],
)
def test_bad_files_get_one_clear_line(tmp_path: Path, text: str, date: str, says: str):
    with pytest.raises(UserError, match=says):
        read_series(written(tmp_path, text), date, ",", interpolate=False)
