"""`dlplug completion`: a short shell script that calls `dlplug completion candidates WORD…`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, get_args, get_origin

from dlplug import CommandParser, parsed_by
from dlplug.host.plugins import Host
from dlplug.options.layers import choose
from dlplug.options.parsing import flag
from dlplug.options.parts import kind_of, schema
from dlplug.runs.samples import sampler_names, sampler_of

SCRIPTS = {
    "bash": """_dlplug() {
  local IFS=$'\\n'
  local words
  words=$(dlplug completion candidates "${COMP_WORDS[@]:1:COMP_CWORD-1}" 2>/dev/null)
  COMPREPLY=($(compgen -W "$words" -- "${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _dlplug dlplug""",
    "zsh": """#compdef dlplug
_dlplug() { compadd -- ${(f)"$(dlplug completion candidates ${words[2,CURRENT-1]} 2>/dev/null)"} || _files }
compdef _dlplug dlplug""",
    "fish": "complete -c dlplug -a '(dlplug completion candidates (commandline -opc)[2..] 2>/dev/null)'",
}


def completion_parser() -> CommandParser:
    parser = CommandParser(
        "dlplug completion", description='Prints a completion script, for `eval "$(dlplug completion bash)"`.'
    )
    parser.add_argument("shell", choices=SCRIPTS, metavar="SHELL", help=", ".join(SCRIPTS))
    return parser


@parsed_by(completion_parser)
def print_script(flags: Any) -> int:
    print(SCRIPTS[flags.shell])
    return 0


def completion_command(argv: Sequence[str], host: Host) -> int:
    """Prints a completion script for bash, zsh or fish."""
    if argv[:1] == ["candidates"]:
        print("\n".join(candidates(host, argv[1:])))
        return 0
    return print_script(argv)


completion_command.parser = completion_parser  # type: ignore[attr-defined]


def candidates(host: Host, words: Sequence[str]) -> list[str]:
    """What may follow the words typed so far."""
    verb, *rest = words or ["help"]
    if verb == "help":
        return host.names("commands")
    build = getattr(host.get("commands", verb).load(), "parser", None)
    if build is None:
        return []
    parser: CommandParser = build()
    metavar, offered = parser.offers(rest)
    recipe = rest[0] if rest and rest[0] in host.names("recipes") else ""
    if metavar in ("RECIPE", "RUN", "PLACE", "RECORD_OR_RUN"):
        return [*host.names("recipes"), *offered]
    if metavar == "EXERCISE":
        return host.names("exercises")
    if metavar == "SAMPLER":
        return sampler_names(host, recipe) if recipe else host.names("samplers")
    if rest and rest[-1] == "--launcher":
        return host.names("launchers")
    if rest and rest[-1] == "--preset":
        return list(host.recipe(recipe).presets) if recipe else []
    if metavar or not parser.subject or (parser.subject == "RUN" and not recipe):
        return offered
    if not recipe:
        return []
    return _of_sampler(host, recipe, rest, offered) if verb == "sample" else _of_recipe(host, recipe, rest, offered)


def _of_recipe(host: Host, recipe: str, words: Sequence[str], offered: list[str]) -> list[str]:
    """The flags of a verb and the options of a recipe; after an option with few values, its values."""
    choices = choose(host, recipe, [])
    options = {flag(option.name): option for option in schema(host, choices)}
    last = words[-1]
    if last.removeprefix("--") in choices:
        return host.names(kind_of(last.removeprefix("--")))
    if last in options and get_origin(options[last].type) is Literal:
        return list(map(str, get_args(options[last].type)))
    return [*offered, *map(flag, choices), *options]


def _of_sampler(host: Host, recipe: str, words: Sequence[str], offered: list[str]) -> list[str]:
    """The flags of the verb and the options of a sampler."""
    if not sampler_names(host, recipe):
        return []
    sampler = words[words.index("--what") + 1] if "--what" in words else ""
    return [*offered, *(flag(option.name) for option in sampler_of(host, recipe, sampler)[1])]
