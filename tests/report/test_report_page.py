"""The two files that `dlplug report` writes, without a browser."""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import re
from html.parser import HTMLParser

import pytest
from dlplug_report.page.html import html
from dlplug_report.page.markdown import code, escaped, fenced, markdown
from dlplug_report.page.model import build
from dlplug_report.report import write
from folders import PIXEL, a_run, lines_of

from dlplug import UserError
from dlplug.cli.main import main
from dlplug.host.plugins import load_host

EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(1)>"


class Tags(HTMLParser):
    """Every tag with its attributes, and the text of each script."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.text, self.inside = "", False
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.inside = tag == "script"
        self.scripts += [""] * self.inside

    def handle_endtag(self, tag):
        self.inside = False

    def handle_data(self, data):
        if self.inside:
            self.scripts[-1] += data
        self.text += data


@pytest.fixture(scope="module")
def host():
    return load_host()


def evil_run(folder):
    config = {"recipe": EVIL, "loss.gamma": EVIL, "preset": EVIL}
    lines = [*lines_of(5), {"step": 60, f"val/{EVIL}": 1.0}, {"step": 61, f"val/{EVIL}": 2.0}]
    lines += [
        {"step": 62, "val/sample": "media/words.txt"},
        {"step": 63, "val/shown": f"media/{EVIL[:8].strip('</')}.png"},
    ]
    media = {"media/words.txt": f"{EVIL} ``` {EVIL}".encode(), "media/script.png": PIXEL}
    return a_run(folder, config, lines=lines, status="failed", message=EVIL, media=media)


@pytest.mark.parametrize("count", [1, 3])
def test_what_users_supply_is_text_and_nothing_else(tmp_path, host, count):
    report = build([evil_run(tmp_path / f"{number}") for number in range(count)], host)
    page = Tags(html(report))
    own = [attributes for tag, attributes in page.tags if tag == "script"]
    assert own == [{"type": "application/json", "id": "drawn"}, {}, {}, {}]
    assert not [attributes for tag, attributes in page.tags if any(name.startswith("on") for name in attributes)]
    assert all(attributes["src"].startswith("data:") for tag, attributes in page.tags if attributes.get("src"))
    assert EVIL in page.text
    json.loads(page.scripts[0])
    policy = next(a["content"] for t, a in page.tags if a.get("http-equiv") == "Content-Security-Policy")
    hashes = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in page.scripts[1:]]
    assert policy == (
        "default-src 'none'; img-src data: blob:; media-src data:; style-src 'unsafe-inline'; script-src "
        + " ".join(f"'sha256-{one}'" for one in hashes)
    )


def test_the_page_loads_nothing(tmp_path, host):
    page = html(build([a_run(tmp_path / "a", lines=lines_of(5))], host))
    tags = Tags(page).tags
    assert not [tag for tag, _ in tags if tag in ("link", "iframe", "object", "embed", "base")]
    assert not [tag for tag, attributes in tags if str(attributes.get("src", "")).startswith("http")]
    assert "@import" not in page.partition("<script")[0]


def test_media_stand_in_the_page_and_missing_ones_are_said(tmp_path, host, monkeypatch):
    lines = [
        {"step": step, "val/shown": f"media/{name}"} for step, name in enumerate(["a.png", "b.png", "c.mp4", "d.txt"])
    ]
    media = {"media/a.png": PIXEL, "media/c.mp4": b"x" * 5_000, "media/d.txt": b"once upon"}
    report = build([a_run(tmp_path / "a", lines=lines, media=media)], host)
    monkeypatch.setattr("dlplug_report.page.media.LARGEST", 4_000)
    page = html(report)
    assert base64.b64encode(PIXEL).decode() in page
    assert "b.png was deleted." in page
    assert "c.mp4 is 0.0 MB, too large to be put into this file." in page
    assert "<pre>once upon</pre>" in page
    twin = markdown(report, tmp_path)
    assert "![val/shown](a/media/a.png)" in twin
    assert "b.png was deleted." in twin
    assert "```\nonce upon\n```" in twin


def test_the_command_writes_both_files_and_says_where(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = a_run(tmp_path / "a", lines=lines_of(5), tail='{"step": 6')
    assert main(["report", "a"]) == 0
    said = capsys.readouterr().out
    assert f"written: {folder / 'report.html'}" in said
    assert f"{folder}: the last line of metrics.jsonl was cut off and is left out" in said
    assert (folder / "report.md").read_text().startswith("# dqn-catch\n")
    a_run(tmp_path / "b", lines=lines_of(3))
    assert main(["report", "a", "b"]) == 0
    assert (tmp_path / "report.html").is_file()
    assert main(["report", "a", "b", "--out", "deep/down/both.html"]) == 0
    assert (tmp_path / "deep/down/both.md").is_file()


def test_what_is_wrong_is_one_line(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    a_run(tmp_path / "a")
    (tmp_path / "empty").mkdir()
    for arguments, words in (
        (["empty"], "empty holds no run"),
        (["a", "--out", "report.pdf"], "--out expects a path that ends in .html"),
        (["a", "--colour", "red"], "dlplug report does not take '--colour red'"),
        ([], "dlplug report needs a RUN"),
    ):
        assert main(["report", *arguments]) == 2
        error = capsys.readouterr().err
        assert words in error
        assert error.count("\n") == 1


def test_every_state_is_shown_as_such(tmp_path, host):
    folders = [
        a_run(tmp_path / "going", lines=lines_of(2), status=""),
        a_run(tmp_path / "failed", lines=lines_of(2), status="failed", message="loss became nan"),
        a_run(tmp_path / "whole", lines=lines_of(2)),
        a_run(tmp_path / "at-once", status=""),
    ]
    report = build(folders, host)
    for written in (html(report), markdown(report, tmp_path)):
        assert "probably still running: last heard of" in written
        assert "failed after 20 steps: loss became nan" in written
        assert "probably still running: nothing was logged" in written
    assert len(re.findall(r'badge failed"', html(report))) >= 2


def test_markdown_is_escaped():
    assert escaped("a|b\n*c* <script> [x](y)") == r"a\|b \*c\* \<script\> \[x\](y)"
    assert code("a`b") == "``a`b``"
    assert fenced("x\n```\ny") == "````\nx\n```\ny\n````"


def test_every_row_of_the_twins_tables_has_as_many_cells_as_its_head(tmp_path, host):
    folders = [evil_run(tmp_path / "evil"), a_run(tmp_path / "b", {"loss.gamma": "x|y"}, lines=lines_of(3))]
    columns = 0
    for line in markdown(build(folders, host), tmp_path).splitlines():
        if line.startswith("|"):
            cells = len(re.findall(r"(?<!\\)\|", line))
            columns = columns or cells
            assert cells == columns, line
        else:
            columns = 0


def test_a_folder_that_cannot_be_written_is_told(tmp_path):
    a_run(tmp_path / "a")
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot write"):
        write(tmp_path / "file" / "report.html", "")


@pytest.mark.parametrize("value", ["NaN", "null", "Infinity"])
def test_runs_whose_every_number_is_not_finite_are_shown(value, tmp_path, host):
    for name in ("a", "b"):
        folder = a_run(tmp_path / name, {"recipe": "dqn-catch"}, seed=len(list(tmp_path.iterdir())))
        numbers = ", ".join(f'"{key}": {value}' for key in ("train/loss", "eval/return"))
        rates = f'"steps": {value}, "seconds": {value}, "steps_per_second": {value}, "parameters": {value}'
        (folder / "metrics.jsonl").write_text(f'{{"step": 10, "seconds": {value}, "frames": {value}, {numbers}}}\n' * 3)
        (folder / "evaluation.json").write_text(f'{{"metrics": {{{numbers}}}, "protocol": {value}}}')
        (folder / "result.json").write_text(
            f'{{"status": "failed", "metrics": {{{numbers}}}, "frames": {value}, "frames_per_second": {value}, '
            f"{rates}}}"
        )
    a_run(tmp_path / "good", {"loss.gamma": 0.5}, lines=lines_of(3), metrics={"eval/return": 0.5})
    for folders in ([tmp_path / "a"], [tmp_path / "a", tmp_path / "b", tmp_path / "good"]):
        report = build(folders, host)
        word = "inf" if value == "Infinity" else "nan"
        assert f'<td class="number">{word}</td>' in html(report)
        assert f"|  | {word} |" in markdown(report, tmp_path)
    assert report.groups[0].runs[0].record.folder.name == "good"


@pytest.mark.parametrize("name", ["result.json", "evaluation.json", "environment.json", "metrics.jsonl", "wandb.json"])
@pytest.mark.parametrize(
    "content",
    [
        "", "{", "[]", "7", "null", '"x"', "\xff\x00", '{"metrics": [1], "steps": "x", "status": 3, "gpus": 1}',
        '{"metrics": {"a": "b"}, "steps": {}, "plugins": [], "options": 3, "step": 1, "seconds": "x", "v/x": [1]}',
        '{"step": 1, "v/x": "a\\u0000b", "v/y": "' + "n" * 300 + '", "seconds": 1' + "0" * 400 + "}",
    ],
)  # fmt: skip
def test_files_that_are_damaged_or_anybodys_are_left_out(name, content, tmp_path, host):
    folder = a_run(tmp_path / "a", lines=lines_of(3))
    (folder / name).write_bytes(content.encode("latin-1"))
    assert "## Every metric" in markdown(build([folder], host), tmp_path)


def test_a_report_of_several_runs_replaces_nothing(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in "abc":
        a_run(tmp_path / name, lines=lines_of(3))
    (tmp_path / "report-2.md").write_text("mine")
    for runs, name in ((["a", "b"], "report.html"), (["b", "c"], "report-3.html"), (["b", "c"], "report-4.html")):
        assert main(["report", *runs]) == 0
        assert f"written: {name} " in capsys.readouterr().out
    assert (tmp_path / "report-2.md").read_text() == "mine"
    assert main(["report", "a", "b", "--out", "."]) == 0
    assert "written: report-5.html" in capsys.readouterr().out
    (tmp_path / "README.md").write_text("mine")
    assert main(["report", "a", "--out", "README.html"]) == 2
    assert "README.md exists already and is no report: choose another --out" in capsys.readouterr().err
    assert (tmp_path / "README.md").read_text() == "mine"
    for _ in range(2):  # what was asked for by name, and the run's own, is replaced
        assert main(["report", "a", "b", "--out", "both.html"]) == main(["report", "a"]) == 0


def parsed(text):
    """The headings and the blocks of code of a Markdown file, by a parser of it."""
    from markdown_it import MarkdownIt

    tokens = MarkdownIt("commonmark").parse(text)
    headings = [following.content for token, following in itertools.pairwise(tokens)
                if token.type == "heading_open"]  # fmt: skip
    return headings, [token.content for token in tokens if token.type == "fence"]


@pytest.mark.parametrize("count", [1, 2])
def test_code_in_the_twin_is_verbatim_and_what_follows_is_not_code(count, tmp_path, host):
    poem = "    def f(x):\n\n\n\n        return `x`\n```\n# no heading"
    lines = [{"step": 1, "val/shown": "media/a.png"}, {"step": 1, "val/text": "media/b.txt"}]
    media = {"media/a.png": PIXEL, "media/b.txt": poem.encode()}
    folders = [a_run(tmp_path / str(seed), seed=seed, lines=lines, media=media) for seed in range(count)]
    headings, code = parsed(markdown(build(folders, host), tmp_path))
    assert headings[0].startswith("dqn-catch")
    assert headings.count("How to reproduce it") == headings.count("Every metric") == count
    assert {"Pictures, videos, texts", "val/shown", "val/text"} <= set(headings)
    assert "no heading" not in headings
    assert code.count(poem + "\n") == count
    assert len(code) == 2 * count


def test_what_sample_wrote_is_shown(tmp_path, host):
    folder = a_run(tmp_path / "a", lines=lines_of(3))
    for path in ("0001/film.mp4", "0002/film.gif", "0002/poem.txt", "0002/data.bin", ".0003/film.mp4"):
        (folder / "samples" / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / "samples" / path).write_bytes(path.encode())
    report = build([folder], host)
    page, twin = html(report), markdown(report, folder)
    for number, name in (("0001", "film.mp4"), ("0002", "film.gif")):
        assert base64.b64encode(f"{number}/{name}".encode()).decode() in page
        assert f"<figcaption>samples/{number}</figcaption>" in page
        assert f"](samples/{number}/{name})" in twin
    assert "<pre>0002/poem.txt</pre>" in page
    assert page.count("<figcaption>samples/") == 3


def test_runs_of_several_recipes_are_compared_by_what_most_have_measured(tmp_path, host):
    common = {"optimizer": "adam", "optimizer.learning_rate": 0.1}
    folders = [
        a_run(tmp_path / "catch", {"recipe": "dqn-catch", "data.gamma": 0.9, **common}, metrics={"eval/return": 1.0}),
        a_run(tmp_path / "one", {"recipe": "digits", "data.size": 8, **common}, metrics={"val/accuracy": 0.7}),
        a_run(tmp_path / "two", {"recipe": "mlp-digits", **common}, metrics={"val/accuracy": 0.9}),
        a_run(tmp_path / "six", {"recipe": "mlp-digits", "optimizer": "sgd", "optimizer.learning_rate": 0.2},
              metrics={"val/accuracy": 0.8}),
    ]  # fmt: skip
    report = build(folders, host)
    assert report.sorted
    assert report.target is not None
    assert report.target.metric == "val/accuracy"
    assert report.claim is None
    assert [view.record.folder.name for view in report.views] == ["two", "six", "one", "catch"]
    assert report.options == ["recipe", "optimizer", "optimizer.learning_rate"]
    assert report.groups[3].label == "dqn-catch"
