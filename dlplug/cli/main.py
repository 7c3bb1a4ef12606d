"""The command. Listing, help and completion import no torch: verbs import what they need."""

from __future__ import annotations

import contextlib
import inspect
import signal
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from dlplug.advice import command
from dlplug.cli.usage import USAGE
from dlplug.cli.words import plugin_options, take_flag
from dlplug.errors import Interrupted, UserError, nearest
from dlplug.host.plugins import Entry, load_host, one_line
from dlplug.output import say_to
from dlplug.stop import Stopped, each_interrupts

if TYPE_CHECKING:
    pass

OWN_HELP = ("run", "sample", "completion")  # these print the help of their arguments


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; returns the exit code. An error that a user can cause is one line, never a traceback."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    debug = take_flag(arguments, "--debug")
    say_to("stderr" if "--json" in arguments else "stdout")
    try:
        with each_interrupts() if argv is None else contextlib.nullcontext():
            return dispatch(arguments)
    except UserError as error:
        if debug:
            raise
        print(f"dlplug: {' '.join(str(error).split())}", file=sys.stderr)
        return 130 if isinstance(error, Interrupted) else 2
    except (KeyboardInterrupt, Stopped):
        print("stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:
        return 1
    except Exception as error:
        if debug:
            raise
        print(f"dlplug: {one_line(error)} (--debug shows where)", file=sys.stderr)
        return 1
    finally:
        if argv is None:  # all is saved: another Ctrl-C ends the process, and shows no traceback of torch's exit
            signal.signal(signal.SIGINT, signal.SIG_DFL)


def dispatch(arguments: list[str]) -> int:
    host = load_host(plugin_options(arguments))
    verb = arguments.pop(0) if arguments else "--help"
    own = verb in host.names("commands") and host.get("commands", verb).plugin.name == "core"
    asked = own and bool({"--help", "-h"} & set(arguments))
    if verb in ("--help", "-h", "help") or (asked and (verb not in OWN_HELP or len(arguments) == 1)):
        more = "".join(map(described, host.entries("commands")))
        typed = "" if command() == "dlplug" else f"\nHere the command is typed as `{command()}`."
        print(USAGE.format(commands=more, typed=typed))
        return 0
    if verb == "--version":
        print(host.plugins[0])
        return 0
    if verb not in host.names("commands"):
        hint = nearest(verb, host.names("commands")) or f" They are listed by `{command('--help')}`."
        raise UserError(f"unknown command {verb!r}.{hint}")
    function = host.get("commands", verb).load()
    return function(arguments, host) if "host" in inspect.signature(function).parameters else function(arguments)


def described(entry: Entry) -> str:
    """A plugin's verb as `--help` shows it."""
    if entry.plugin.name == "core":
        return ""
    with contextlib.suppress(UserError):
        return f"\n  dlplug {entry.name:<33}{entry.signature().summary} (plugin {entry.plugin.name})"
    return f"\n  dlplug {entry.name:<33}broken (plugin {entry.plugin.name})"
