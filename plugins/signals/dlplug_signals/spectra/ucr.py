"""Spectra of the UCR archive, and anybody's own series in its format."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import torch
from dlplug_series.ts_format import SeriesSet, as_array, check_pair, read_ts, read_ts_archive

from dlplug import UserError, data_folder
from dlplug_signals.spectra.series import Examples, LabelledSeries, Training, Validation, hold_out

Set = Literal["Strawberry", "Ham", "Meat", "Beef", "Wine", "OliveOil", "Coffee"]
WITHOUT = "--data gliadin needs no download"


class SplitSeries(LabelledSeries):
    """Series with a test set of their own; the validation set is taken from the training set by a fixed rule."""

    def __init__(
        self, train: Examples, test: Examples, names: tuple[str, ...], how: Validation, training: Training, seed: int
    ) -> None:
        parts = {"train": train, "test": test}
        if how.validation:
            parts["train"], parts["val"] = hold_out(train, how)
            self.protocol = f"{len(parts['train'].y)} training series, {len(parts['val'].y)} more for validation"
        else:
            self.splits = ("train", "test")
            self.protocol = f"all {len(train.y)} training series"
        super().__init__(parts, names, training, seed=seed)


class UCR(SplitSeries):
    """Food spectra of the UCR archive (timeseriesclassification.com) in their official split, z-normalised each.

    Read from ucr_spectro/ucr_spectro.tar.gz in the data folder, which has NAME_TRAIN.ts and NAME_TEST.ts of each set.

    set: name of the set.
    """

    def __init__(
        self,
        *,
        set: Set = "Strawberry",
        validation: Validation = Validation(),
        training: Training = Training(batch_size=16),
        seed: int,
    ) -> None:
        archive = data_folder() / "ucr_spectro" / "ucr_spectro.tar.gz"
        if not archive.is_file():
            raise UserError(
                f"{archive.name} is missing in {archive.parent}: pack {set}_TRAIN.ts and {set}_TEST.ts, of "
                f"timeseriesclassification.com, or set DLPLUG_DATA to a folder that has it; {WITHOUT}"
            )
        train, test = read_ts_archive(archive, set)
        super().__init__(as_examples(train, set), as_examples(test, set), train.classes, validation, training, seed)


class TsFiles(SplitSeries):
    """Your own series in the UCR archive's text format.

    path: a folder with NAME_TRAIN.ts and NAME_TEST.ts, or one file, of which every fifth series of a class is for the
        test.
    gaps: refuse missing values, or interpolate them.
    lengths: refuse unequal lengths, or pad with the last value.
    """

    def __init__(
        self,
        *,
        path: str = "",
        gaps: Literal["refuse", "interpolate"] = "refuse",
        lengths: Literal["refuse", "pad"] = "refuse",
        validation: Validation = Validation(0.2),
        training: Training = Training(batch_size=16),
        seed: int,
    ) -> None:
        if not path:
            raise UserError("--data.path is empty: give a .ts file, or a folder with NAME_TRAIN.ts and NAME_TEST.ts")
        place = Path(path).expanduser()
        files = part_files(place) if place.is_dir() else [place]
        sets = [read_ts(file) for file in files]
        if not sets[0].classes:
            raise UserError(f"{files[0]} has no class labels: expected @classLabel true and the classes")
        longest = max(series.shape[1] for part in sets for series in part.series)
        for part, file in zip(sets, files, strict=True):
            check_pair(sets[0], part, str(place))
            if lengths == "refuse" and any(series.shape[1] != longest for series in part.series):
                raise UserError(f"{file} has series of unequal lengths, up to {longest}: --data.lengths pad pads them")
            if gaps == "refuse" and any(missing(series) for series in part.series):
                raise UserError(f"{file} has missing values: --data.gaps interpolate fills them")
        examples = [
            as_examples(part, str(file), gaps, lengths, longest) for part, file in zip(sets, files, strict=True)
        ]
        train, test = examples if len(examples) == 2 else hold_out(examples[0], Validation(0.2))
        super().__init__(train, test, sets[0].classes, validation, training, seed)


def part_files(folder: Path) -> list[Path]:
    """The one training and the one test file of a folder."""
    found = [sorted(folder.glob(f"*_{part}.ts")) for part in ("TRAIN", "TEST")]
    if any(len(files) != 1 for files in found):
        counts = f"{len(found[0])} files *_TRAIN.ts and {len(found[1])} files *_TEST.ts"
        raise UserError(f"{folder} has {counts}, expected one of each")
    return [files[0] for files in found]


def missing(series: object) -> bool:
    return bool(torch.as_tensor(series).isnan().any())


def as_examples(
    data: SeriesSet,
    where: str,
    gaps: Literal["refuse", "interpolate"] = "refuse",
    lengths: Literal["refuse", "pad"] = "refuse",
    length: int = 0,
) -> Examples:
    x = as_array(data.series, where, gaps=gaps, lengths=lengths, length=length)
    return Examples(torch.from_numpy(x), torch.from_numpy(data.y))
