"""What a plugin's own verb parses its words with: argparse, with errors of one line."""

from __future__ import annotations

import argparse
from typing import NoReturn

from dlplug.advice import command
from dlplug.errors import UserError


class CommandParser(argparse.ArgumentParser):
    """Of `CommandParser("dlplug report", …)`. Raises UserError for what it does not take."""

    def error(self, message: str) -> NoReturn:
        raise UserError(f"{self.prog}: {message}; `{command(*self.prog.split()[1:], '--help')}` shows what it takes")
