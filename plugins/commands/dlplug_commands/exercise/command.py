"""`dlplug exercise`: list, start, check, hint, solution."""

from __future__ import annotations

import shutil
import textwrap
from pathlib import Path
from typing import Any

from dlplug import CommandParser, Exercise, UserError, nearest, parsed_by
from dlplug.host.plugins import Host
from dlplug.output import command, print_result
from dlplug_commands.exercise.original import original_of, solution, stub
from dlplug_commands.exercise.progress import FILE, note, standing, standings
from dlplug_commands.listing import rough

ACTIONS = ("list", "start", "check", "hint", "solution")


def exercise_parser() -> CommandParser:
    parser = CommandParser(
        "dlplug exercise",
        description="Exercises: functions of the plugins' own that you write.\n"
        "list: the exercises, and how far you are\n"
        "start NAME: writes NAME.py, with the signature, the docstring and no body\n"
        "check NAME: compares your function with a slow, obvious computation, then trains a recipe with it in place of"
        " the plugin's own\n"
        "hint NAME: the next hint\n"
        "solution NAME: the plugin's own lines, after a passed check or with --show\n\n"
        f"{FILE} in the current folder keeps how far you are.",
    )
    add = parser.add_argument
    add("action", nargs="?", default="list", choices=ACTIONS, metavar="ACTION", help=", ".join(ACTIONS))
    add("exercise", nargs="?", default="", metavar="EXERCISE", help="an exercise's name, or your file of it")
    add("--show", action="store_true", help="show the solution before a check was passed")
    add("--json", action="store_true", help="print JSON")
    return parser


@parsed_by(exercise_parser)
def exercise_command(flags: Any, host: Host) -> int:
    """Has you write functions of the plugins' own: stubs, checks, hints, solutions."""
    if flags.action == "list":
        listed = [row for row in rows(host) if flags.exercise in ("", row["plugin"])]
        if flags.exercise and not listed:
            plugins = {row["plugin"] for row in rows(host)}
            raise UserError(f"no plugin {flags.exercise} has exercises.{nearest(flags.exercise, plugins)}")
        return print_result(listed, flags.json, lambda: print_rows(host, listed))
    if not flags.exercise:
        raise UserError(f"dlplug exercise {flags.action} needs an EXERCISE; they are listed by `{typed(host, 'list')}`")
    name, path = named(flags.exercise)
    exercise = host.exercise(name)
    act = {"start": start, "check": check, "hint": hint, "solution": show_solution}[flags.action]
    return act(host, exercise, name, path, flags)


def typed(host: Host, *words: str) -> str:
    """A command of exercises as it is typed here, with the same -p."""
    return command("exercise", *words, *(word for option in host.options for word in ("-p", option)))


def named(given: str) -> tuple[str, Path]:
    """The exercise's name and the student's file: of "td-target", or of "td_target.py" for a shell's completion."""
    if given.endswith(".py"):
        return Path(given).stem.replace("_", "-"), Path(given)
    return given, Path(f"{given.replace('-', '_')}.py")


def rows(host: Host) -> list[dict[str, Any]]:
    """One mapping for each exercise, by plugin and level."""
    known = standings()
    listed = []
    for entry in host.registered("exercises"):
        row: dict[str, Any] = {"name": entry.name, "plugin": entry.plugin.name, "version": entry.plugin.version}
        try:
            exercise = host.exercise(entry.name)
        except UserError as error:  # a broken exercise must not hide the others
            listed.append(row | {"summary": f"broken: {error}", "level": 0, "recipe": "", "minutes": 0.0})
            continue
        here = known.get(entry.name)
        path = named(entry.name)[1]
        state = "passed" if here and here.passed else "started" if path.exists() else ""
        row |= {"summary": exercise.summary, "level": exercise.level, "recipe": exercise.recipe}
        row |= {"minutes": exercise.minutes, "state": state, "file": str(path), "hints": len(exercise.hints)}
        listed.append(row | {"hints_shown": here.hints if here else 0, "solution_shown": bool(here and here.shown)})
    return sorted(listed, key=lambda row: (row["plugin"], row["level"]))


def print_rows(host: Host, listed: list[dict[str, Any]]) -> None:
    if not listed:
        print("no exercises: install a plugin that has some, such as dlplug[rl]")
        return
    names = max(len(row["name"]) for row in listed)
    room = max(20, shutil.get_terminal_size().columns - names - 13)
    for plugin in dict.fromkeys(row["plugin"] for row in listed):
        print(plugin)
        for row in (row for row in listed if row["plugin"] == plugin):
            text = f"{row['summary']} ({row['recipe']}, {rough(60 * row['minutes'])})"
            described = f"\n{' ' * (names + 13)}".join(textwrap.wrap(text, room))
            print(f"  {row['name']:{names}}  {row.get('state', ''):7}  {described}")
    print(f"\nbegin with: {typed(host, 'start', listed[0]['name'])}")


def start(host: Host, exercise: Exercise, name: str, path: Path, flags: Any) -> int:
    """Writes the stub."""
    original = original_of(exercise)
    if path.exists():
        raise UserError(f"{path} exists, and is never overwritten; check it with: {typed(host, 'check', name)}")
    of_class = original.qualname.rpartition(".")[0]
    lines = [
        f"Exercise {name}: {exercise.summary}.",
        "",
        f"Write {original.name}, then run: {typed(host, 'check', name)}",
        f"For a hint: {typed(host, 'hint', name)}",
        f"The signature is that of {original.place}.",
    ]
    lines += [f"self is of the class {of_class}, which that file shows."] if of_class else []
    path.write_text(stub(original, "\n".join(lines) + "\n"), encoding="utf-8")
    written = {"exercise": name, "file": str(path)}
    return print_result(written, flags.json, lambda: print(f"write {original.name} in {path}, then: "
                                                           f"{typed(host, 'check', name)}"))  # fmt: skip


def check(host: Host, exercise: Exercise, name: str, path: Path, flags: Any) -> int:
    """Compares, then trains; the exit code is 1 for a function that does not pass."""
    from dlplug_commands.exercise.checking import NotPassed, answered, check_slowly, train

    answer, own = answered(exercise, name, path)
    result: dict[str, Any] = {"exercise": name, "file": str(path), "passed": False}
    try:
        check_slowly(exercise, answer)
        if not flags.json:
            print(f"{path}: {answer.name} agrees with the slow computation")
            print(f"training {exercise.recipe} with it, about {rough(60 * exercise.minutes)} on a CPU; Ctrl-C stops")
        trained = train(host, exercise, answer, own, show=not flags.json)
    except NotPassed as failure:
        result["problem"] = str(failure)
        hints = f"a hint: {typed(host, 'hint', name)}"
        print_result(result, flags.json, lambda: print(f"{result['problem']}\n{hints}"))
        return 1
    note(name, passed=True)
    result |= {"passed": True, "metric": exercise.target.metric, **trained._asdict()}
    text = f"{exercise.target}: {trained.value:.4g}, after {trained.calls:,} calls of your {answer.name}"
    ours = f"passed; the plugin's own lines: {typed(host, 'solution', name)}"
    return print_result(result, flags.json, lambda: print(f"{text}\n{ours}"))


def hint(host: Host, exercise: Exercise, name: str, path: Path, flags: Any) -> int:
    """Prints the next hint, and the last one again where there is no other."""
    if not exercise.hints:
        raise UserError(f"exercise {name} has no hints")
    number = min(standing(name).hints, len(exercise.hints) - 1)
    note(name, hints=number + 1)
    shown = {"exercise": name, "hint": exercise.hints[number], "number": number + 1, "of": len(exercise.hints)}
    return print_result(shown, flags.json, lambda: print(f"{number + 1} of {shown['of']}: {shown['hint']}"))


def show_solution(host: Host, exercise: Exercise, name: str, path: Path, flags: Any) -> int:
    """Prints the plugin's own lines."""
    known = standing(name)
    if not (known.passed or known.shown or flags.show):
        check_it = typed(host, "check", name)
        raise UserError(f"a passed check unlocks the solution (`{check_it}`), and --show shows it now")
    if not known.passed:
        note(name, shown=True)
    original = original_of(exercise)
    shown = {"exercise": name, "place": original.place, "solution": solution(original)}
    return print_result(shown, flags.json, lambda: print(f"# {shown['place']}\n{shown['solution']}"))
