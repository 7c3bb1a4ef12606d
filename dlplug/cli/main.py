"""The command. Listing, help and completion import no torch: verbs import what they need."""

from __future__ import annotations

import argparse
import contextlib
import inspect
import signal
import sys
from collections.abc import Sequence

from dlplug.cli.parser import CommandParser
from dlplug.errors import Interrupted, UserError, message_of, nearest, one_line
from dlplug.host.plugins import Entry, Host, load_host
from dlplug.host.startup import Process, lasting
from dlplug.options.help import summary
from dlplug.output import command, say_to
from dlplug.stop import Stopped, each_interrupts


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; returns the exit code. An error that a user can cause is one line, never a traceback."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    debug, Process.own = "--debug" in arguments, argv is None
    say_to("stderr" if "--json" in arguments else "stdout")
    try:
        with each_interrupts() if argv is None else contextlib.nullcontext():
            return dispatch(arguments)
    except UserError as error:
        if debug:
            raise
        print(f"dlplug: {message_of(error)}", file=sys.stderr)
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
    flags, words = global_parser().parse_known_args(arguments)
    with lasting():
        host = load_host(flags.plugins)
    verb, *words = words or ["--help"]
    if verb == "help" and words:
        verb, *words = [*words, "--help"]
    if verb in ("-h", "--help", "help"):
        print_help(host)
        return 0
    if verb == "--version":
        print(host.plugins[0])
        return 0
    with lasting():
        function = verb_of(host, verb).load()
    return function(words, host) if "host" in inspect.signature(function).parameters else function(words)


def global_parser() -> CommandParser:
    """What may stand anywhere in a command."""
    parser = CommandParser("dlplug", usage="dlplug VERB …", add_help=False, epilog=None)
    add = parser.add_argument
    add("-p", dest="plugins", action="append", default=[], metavar="PLUGIN", help="no:NAME leaves a plugin out,"
        " FILE.py or a package's FOLDER adds one")  # fmt: skip
    add("--debug", action="store_true", help="show the traceback of an error")
    return parser


def verb_of(host: Host, name: str) -> Entry:
    """Raises UserError for an unknown verb, naming the nearest, and the plugins that are left out."""
    if name in host.names("commands"):
        return host.get("commands", name)
    left_out = [plugin.name for plugin in host.plugins if plugin.state != "works"]
    hint = nearest(name, host.names("commands")) or f" They are listed by `{command('--help')}`."
    missing = f" Of the plugins, {', '.join(left_out)} {'is' if len(left_out) == 1 else 'are'} left out or broken."
    raise UserError(f"unknown command {name!r}.{hint}{missing if left_out else ''}")


def print_help(host: Host) -> None:
    """`dlplug --help`: each verb with what it does, by the plugin that has it."""
    parser = global_parser()
    parser.add_argument("--version", action="store_true", help="print the version")
    parser.description = "dlplug: one command for every topic of a deep-learning course"
    typed = "" if command() == "dlplug" else f"\nHere the command is typed as `{command()}`."
    parser.epilog = f"Each verb has its own help: dlplug VERB --help, dlplug run RECIPE --help.{typed}"
    groups: dict[str, argparse._ArgumentGroup] = {}
    for entry in host.registered("commands"):
        plugin = entry.plugin.name
        if plugin not in groups:
            groups[plugin] = parser.add_argument_group("verbs" if plugin == "core" else f"verbs of the plugin {plugin}")
        groups[plugin].add_argument(entry.name, metavar=entry.name, help=summary(entry).replace("%", "%%"))
    parser.print_help()
