"""The READMEs' tables say what the records say, and nothing else."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from dlplug_commands.verify import tables

from dlplug import UserError
from dlplug.claims.intervals import interval
from dlplug.claims.records import records
from dlplug.host.plugins import load_host
from dlplug.recipes import Preset, Recipe, Target

ROOT = Path(__file__).parents[2]
BAR = Target("test/accuracy", "test split", "a paper", at_least=0.9)
LOW = Target("test/accuracy", "test split", "a paper", at_least=0.5)


def recipe(*targets, **presets):
    return Recipe("", "data", "1 steps", "", targets=targets, presets=presets)


def record(values, *, metric="test/accuracy", protocol="test split", reached=True, preset="", gpus=(), **options):
    told = {"target": f"{metric} once", "metric": metric, "protocol": protocol, "values": values, "reached": reached}
    return {
        "preset": preset,
        "targets": [told | {"mean": sum(values) / len(values)}],
        "runs": [{"seed": seed} for seed, _ in enumerate(values)],
        "options": options,
        "commit": "0123456789ab+",
        "environment": {"gpus": list(gpus), "processor": "a chip, 2 cores"},
    }


def rows(definition, **entries):
    return [tuple(row) for row in tables.rows_of("toy", definition, entries, {"wandb", "seed"})]


@pytest.fixture(scope="module")
def fresh():
    """The text of each page, by its path, with the table that the records give."""
    return dict(tables.tables(load_host([])))


def test_every_table_of_the_project_is_fresh(fresh):
    """`dlplug verify --all --table` writes those that are not."""
    assert {path.parent.name for path in fresh} >= {"basics", "rl", "vision", ROOT.name}
    stale = [str(path) for path, text in fresh.items() if path.read_text(encoding="utf-8") != text]
    assert not stale, "dlplug verify --all --table writes them"


def test_each_record_of_the_project_is_of_a_recipe_that_there_is_and_is_in_its_plugin_s_table(fresh):
    host = load_host([])
    for path in (ROOT / "plugins").glob("*/results/*.json"):
        assert records(host, path.stem), path
        for told in json.loads(path.read_text(encoding="utf-8")).values():
            for target in told["targets"][: tables.ROWS if len(told["targets"]) <= tables.ROWS else 0]:
                mean = sum(target["values"]) / len(target["values"])
                number = rf"[|:] ({re.escape(target['metric'])} )?{re.escape(f'{mean:.4g}')} (± [\d.e-]+ )?\("
                assert re.search(number, fresh[path.parents[1] / "README.md"]), path


def test_the_root_page_counts_what_the_plugins_pages_claim(fresh):
    root = fresh[ROOT / "README.md"]
    counted = re.findall(r"^\| \[\w+\]\((plugins/\w+/README\.md)\)((?: \| \d+)+) \|$", root, re.MULTILINE)
    assert {ROOT / page for page, _ in counted} == fresh.keys() - {ROOT / "README.md"}
    for page, counts in counted:
        table = tables.PLACE.findall(fresh[ROOT / page])[0]
        cells = [line.split(" | ")[2] for line in table.splitlines() if " ≥ " in line or " ≤ " in line]
        found = [sum(cell.startswith(state) for cell in cells) for state in tables.STATES[1:]]
        assert [int(count) for count in counts.split(" | ")[2:]] == found, page


def test_the_root_page_can_be_read_at_one_sitting():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 150


def test_a_record_tells_mean_seeds_machine_and_commit():
    (row,) = rows(recipe(BAR), default=record([0.9, 1.0], wandb="off", seed=3))
    assert row == ("`toy`", "test/accuracy ≥ 0.9 (test split)", "mean only: 0.95 ± 0.635 (2 seeds)", "0.9, 1",
                   "a chip, 2 cores", "`012345678`", ("mean only",))  # fmt: skip


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([0.95, 0.951, 0.949], "0.95 ± 0.00248 (3 seeds)"),
        ([0.95], "mean only: 0.95 (1 seed, no interval)"),
        ([0.9, 0.8, 0.85], "not reached: 0.85 ± 0.124 (3 seeds)"),
    ],
)
def test_the_interval_of_a_record_that_has_none_is_that_of_its_values(values, said):
    assert rows(recipe(BAR), default=record(values))[0][2] == said


def test_what_differs_is_told_and_of_many_gpus_their_name():
    told = record([0.9], preset="gpu", gpus=["H", "H"], **{"model.batch_norm": True, "wandb.mode": "off"})
    (row,) = rows(recipe(gpu=Preset("", {}, [BAR])), gpu=told)
    assert (row[0], row[4]) == ("`toy --preset gpu --model.batch-norm True`", "H")


def test_the_bar_is_todays_not_the_records():
    assert rows(recipe(BAR), default=record([0.6, 0.6], reached=True))[0][2] == "not reached: 0.6 ± 0 (2 seeds)"
    assert rows(recipe(LOW), default=record([0.6, 0.6], reached=False))[0][2] == "0.6 ± 0 (2 seeds)"


def test_another_protocol_is_another_number():
    old, new = rows(recipe(BAR), default=record([0.95], protocol="another split"))
    assert old[1:3] == ("no longer claimed: test/accuracy once", "0.95 (1 seed, no interval)")
    assert not old[-1]
    assert new[:3] == ("`toy`", str(BAR), "not verified yet")
    assert new[-1] == ("not verified yet",)


def test_a_number_of_another_split_than_the_claims_is_named():
    claim = Target("test/return", "thirty games", "", at_least=0.9)
    good, bad = (record([value] * 2, metric="eval/return", protocol="thirty games") for value in (0.95, 0.5))
    (row,) = rows(recipe(claim), default=good)
    assert row[1:3] == ("test/return ≥ 0.9 (thirty games)", "eval/return 0.95 ± 0 (2 seeds)")
    assert rows(recipe(claim), default=bad)[0][2] == "not reached: eval/return 0.5 ± 0 (2 seeds)"


def test_a_change_without_a_bar_is_no_claim():
    without = record([0.1], reached=None, protocol="", data="else")
    own, other = rows(recipe(BAR), default=record([1.0, 1.0]), other=without)
    assert (own[-1], other[-1]) == (("reached",), ())
    assert other[:3] == ("`toy --data else`", "test/accuracy: no target", "0.1 (1 seed, no interval)")


def test_each_claim_without_a_record_says_so():
    definition = recipe(BAR, fast=Preset("", {}), gpu=Preset("", {}, [LOW]))
    own, gpu = rows(definition)
    assert own[:3] == ("`toy`", str(BAR), "not verified yet")
    assert gpu[:3] == ("`toy --preset gpu`", str(LOW), "not verified yet")
    assert len(rows(definition, fast=record([0.95], preset="fast"))) == 2  # `fast` makes the recipe's claim, not gpu's


def test_a_claim_about_other_options_than_the_recipes_own_is_told_with_them():
    claim = Target("test/a", "p", "", at_least=1, where={"data": "moons", "loss.penalty": "gradient"})
    (row,) = tables.rows_of("toy", recipe(claim), {}, (), lambda preset: {"data": "moons", "loss.penalty": "none"})
    assert row[0] == "`toy --loss.penalty gradient`"


def test_many_targets_share_a_row():
    told = record([0.95, 0.95])
    told["targets"] = [told["targets"][0] | {"metric": f"test/{n}", "protocol": f"{n}"} for n in range(7)]
    claims = [Target(f"test/{n}", f"{n}", at_least=0.99 if n == 3 else 0.5) for n in range(7)]
    (row,) = rows(recipe(*claims), default=told)
    assert row[1].startswith("7 targets, ")
    assert row[2] == "6 reached, 1 not reached (2 seeds)"
    assert sorted(row[-1]) == ["not reached"] + ["reached"] * 6


def test_an_unfinished_record_gives_way_to_a_finished_one(host, tmp_path, monkeypatch):
    monkeypatch.setattr("dlplug.claims.records.results_folder", lambda host, name: tmp_path)
    entries = {"default (unfinished)": record([0.1])}
    (tmp_path / "toy.json").write_text(json.dumps(entries))
    (row,) = rows(recipe(BAR), **records(host, "toy"))
    assert row[2] == "not reached: 0.1 (1 seed, no interval), unfinished"
    (tmp_path / "toy.json").write_text(json.dumps(entries | {"default": record([0.95, 0.95])}))
    assert list(records(host, "toy")) == ["default"]
    (tmp_path / "toy.json").write_text('{"default": ')
    with pytest.raises(UserError, match=r"toy.json is damaged: .*; move it away, or mend it"):
        records(host, "toy")


def test_only_the_place_between_the_markers_changes_and_nothing_in_it_is_markup(tmp_path):
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n\n{tables.BEGIN}\nold\n{tables.END}\n\nafter\n")
    claim = Target("test/a", "w* | <b>", "", at_least=1)
    text = tables.filled(readme, tables.rows_of("toy", recipe(claim), {}))
    assert text.startswith(f"before\n\n{tables.BEGIN}\n")
    assert text.endswith(f"{tables.END}\n\nafter\n")
    assert "old" not in text
    assert r"(w\* \| \<b>)" in text
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert [len(re.findall(r"(?<!\\)\|", line)) for line in lines] == [len(tables.COLUMNS) + 1] * 3
    readme.write_text(text)
    assert tables.filled(readme, tables.rows_of("toy", recipe(claim), {})) == text


def test_a_readme_without_a_place_is_said(tmp_path):
    (tmp_path / "README.md").write_text("nothing here")
    with pytest.raises(UserError, match="needs one place for its table: put <!-- results -->"):
        tables.filled(tmp_path / "README.md", [])


def test_the_command_writes_what_is_stale_and_check_only_says_so(cli, tmp_path, monkeypatch):
    readme = tmp_path / "README.md"
    readme.write_text("old")
    monkeypatch.setattr(tables, "tables", lambda host: iter([(readme, "new")]))
    said = cli("verify", "--all", "--table", "--check")
    assert (said.code, readme.read_text()) == (1, "old")
    assert f"{readme}: stale" in said.out
    assert cli("verify", "--all", "--table").code == 0
    assert readme.read_text() == "new"
    assert cli("verify", "--all", "--table", "--check").code == 0


@pytest.mark.parametrize(
    "given", [["--all"], ["--table"], ["toy-moons", "--table"], ["--all", "--table", "--seeds", "3"]]
)
def test_half_a_command_is_one_line(cli, given):
    said = cli("verify", *given)
    assert said.code == 2
    assert said.err.startswith("dlplug: dlplug verify --all --table writes the READMEs' tables")
    assert len(said.err.splitlines()) == 1


def test_tables_of_some_plugins_alone_are_refused(cli):
    said = cli("-p", "no:basics", "verify", "--all", "--table", "--check")
    assert (said.code, said.err) == (2, "dlplug: the tables need every plugin, and basics is blocked\n")


def test_it_takes_no_torch():
    code = (
        "import sys; from dlplug_commands.verify import tables; from dlplug.host.plugins import load_host\n"
        "list(tables.tables(load_host())); print(sorted({'torch', 'numpy'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# Tables that are laid out by hand hold the records' numbers, too


def recorded(plugin, recipe):
    return json.loads((ROOT / "plugins" / plugin / "results" / f"{recipe}.json").read_text(encoding="utf-8"))


def test_the_noise_table_holds_the_records_means():
    means = {told["metric"]: told["mean"] for told in recorded("vision", "noise-table")["default"]["targets"]}
    readme = (ROOT / "plugins" / "vision" / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) % \|" + r" \*\*([\d.]+)\*\* \| [\d.]+ \|" * 3, readme, re.MULTILINE)
    shown = {
        f"test/{net}_{noise}": value
        for noise, *values in rows
        for net, value in zip(("perceptron", "deep", "residual"), values, strict=True)
    }
    assert shown == {metric: f"{mean:.4f}" for metric, mean in means.items()}


def test_the_family_compared_holds_the_records_means_and_intervals():
    readme = (ROOT / "plugins" / "rl" / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([\w-]+-mini)`" + r" \| ([\d.]+) ± ([\d.]+)" * 3, readme, re.MULTILINE)
    assert len(rows) == 7
    for recipe, *shown in rows:
        values = [told["targets"][0]["values"] for told in recorded("rl", recipe).values()]
        told = [f"{number:.1f}" for seeds in values for number in interval(seeds)[:2]]
        assert shown == told, recipe


def test_the_autoencoders_table_holds_the_records_means():
    readme = (ROOT / "plugins" / "vision" / "README.md").read_text(encoding="utf-8")
    for recipe in ("mnist-autoencoder", "mnist-denoise"):
        runs = [run["metrics"] for run in recorded("vision", recipe)["default"]["runs"]]
        mean = {name: sum(run[name] for run in runs) / len(runs) for name in runs[0]}
        row = (
            f"| `{recipe}` | {mean['test/mse']:.4f} | {mean['test/pca_mse']:.4f} | **{mean['test/against_pca']:.3f}** |"
        )
        assert row in readme


def test_what_was_not_finite_is_a_dash():
    entry = record([1.0], reached=False)
    entry["targets"][0] |= {"values": [None, 1.0], "mean": None}  # as JSON has what is not a number
    (row,) = rows(recipe(BAR), default=entry)
    assert row[2:4] == ("not reached: - (2 seeds, no interval)", "-, 1")


def test_the_tables_of_attacks_and_of_transfer_hold_the_records_intervals():
    readme = (ROOT / "plugins" / "vision" / "README.md").read_text(encoding="utf-8")

    def shown(recipe, entry, metric, digits):
        found = interval(run["metrics"][metric] for run in recorded("vision", recipe)[entry]["runs"])
        return f"{found.mean:.{digits}f} ± {found.half_width:.{digits}f}"

    for entry, loss in (("default", "adversarial"), ("loss=cross-entropy", "cross-entropy")):
        clean = shown("mnist-adversarial", entry, "test/accuracy", 4)
        robust = shown("mnist-adversarial", entry, "test/robust_accuracy", 3)
        assert f"| `{loss}` | {clean} | {robust} |" in readme.replace("**", "")
    for entry, start in (("default", "the weights of `mnist-cnn`"), ("model=quick-net", "random weights")):
        assert f"| {start} | {shown('transfer', entry, 'test/accuracy', 3)} |" in readme
