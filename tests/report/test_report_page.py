"""The two files that `dlplug report` writes, without a browser."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser

import pytest
from dlplug_report.html import html
from dlplug_report.markdown import code, escaped, fenced, markdown
from dlplug_report.model import build
from dlplug_report.report_command import write
from folders import PIXEL, a_run, lines_of

from dlplug import UserError
from dlplug.cli import main
from dlplug.plugins import load_host

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
    monkeypatch.setattr("dlplug_report.shown_media.LARGEST", 4_000)
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
        (["a", "--colour", "red"], "dlplug report: unrecognized arguments: --colour red"),
        ([], "the following arguments are required: RUN"),
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
        assert "still going, as it seems: last heard of" in written
        assert "failed after 20 steps: loss became nan" in written
        assert "still going, as it seems: nothing was logged" in written
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
