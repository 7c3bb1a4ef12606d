"""A report as one self-contained HTML file: no network, and no scripts but its own."""

from __future__ import annotations

import base64
import hashlib
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from dlplug_report.page import curves, sections
from dlplug_report.page.groups import text
from dlplug_report.page.media import galleries
from dlplug_report.page.model import Report

TEMPLATES = Path(__file__).parent / "templates"
BOKEH = ("bokeh.min.js", "bokeh-api.min.js")


def html(report: Report) -> str:
    """The complete file. The template engine escapes everything that comes from a run or a recipe, and the page's
    content security policy allows only these scripts, by their hashes."""
    environment = Environment(
        loader=PackageLoader("dlplug_report.page"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    environment.filters |= {"text": text, "colour": curves.colour, "number": sections.number}
    scripts = [*map(bokeh_script, BOKEH), (TEMPLATES / "report.js").read_text(encoding="utf-8")]
    return environment.get_template("report.html").render(
        report=report,
        sections=sections,
        galleries=galleries(report.groups),
        drawn=drawn(report),
        scripts=scripts,
        policy=policy(scripts),
        style=(TEMPLATES / "report.css").read_text(encoding="utf-8"),
    )


def drawn(report: Report) -> dict[str, Any]:
    """The data for the page's script."""
    units = {view.record.unit for view in report.views} - {""}
    claim, figures = report.claim, curves.figures(report.groups, report.first)
    return {
        "unit": units.pop() if len(units) == 1 else "",
        "figures": figures,
        "banded": any(figure["bands"] for figure in figures),
        "target": {"metric": claim.metric, "bar": claim.bar} if claim else None,
        "groups": [
            {
                "label": group.label,
                "colour": curves.colour(group.number),
                "runs": {view.number: view.label for view in group.runs},
            }
            for group in report.groups
        ],
    }


def bokeh_script(name: str) -> str:
    """A file of BokehJS from the installed Python package, which is slow to import and therefore not imported."""
    path = Path(str(distribution("bokeh").locate_file("bokeh"))) / "server" / "static" / "js" / name
    return path.read_text(encoding="utf-8")


def policy(scripts: list[str]) -> str:
    hashes = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    allowed = " ".join(f"'sha256-{one}'" for one in hashes)
    return f"default-src 'none'; img-src data: blob:; media-src data:; style-src 'unsafe-inline'; script-src {allowed}"
