"""Makes W&B Reports in a process of its own, since wandb reads its environment once.

    python publishing.py '[{"folders": ["run"], "environ": {}}, …]'

Prints a JSON list: of each the address, or what was wrong.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from dlplug_report.page.model import build
from dlplug_report.page.wandb import publish

from dlplug.errors import UserError
from dlplug.host.plugins import load_host


def main(wanted: list[dict]) -> list[str]:
    host, said = load_host(), []
    for one in wanted:
        os.environ.update(one.get("environ", {}))
        try:
            said.append(publish(build([Path(folder) for folder in one["folders"]], host)))
        except UserError as error:
            said.append(f"error: {error}")
    return said


if __name__ == "__main__":
    print(json.dumps(main(json.loads(sys.argv[1]))))
