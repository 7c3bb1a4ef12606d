"""`dlplug verify`: its flags, and the choice between training seeds and writing the READMEs' tables."""

from __future__ import annotations

from typing import Any

from dlplug import CommandParser, UserError, parsed_by
from dlplug.claims.records import results_folder
from dlplug.cli.parser import whole
from dlplug.cli.recipe_help import needed_recipe
from dlplug.host.plugins import Host
from dlplug.options.reading import arguments
from dlplug.output import print_result, warn_of_problems
from dlplug.runs.folder import host_knowing


def verify_parser() -> CommandParser:
    parser = CommandParser(
        "dlplug verify",
        subject="RECIPE",
        about="one that states a target; options of the recipe hold for every seed",
        optional=True,
        description="Trains a recipe with one or several seeds, evaluates, compares with its target and records in"
        " verified/. Exits with 0 if the worse end of the 95 % interval over the seeds reaches every target, else with"
        " 1, as always with one seed, which has no interval.",
    )
    add = parser.add_argument
    add("--seeds", type=whole, default=1, metavar="N", help="number of seeds (default: 1)")
    add("--preset", default="", metavar="NAME", help="a set of the recipe's options, with its own targets")
    add("--each", default="", metavar="OPTION=VALUE,VALUE", help="a record for each value of an option")
    add("--games", default="", metavar="A,B", help="short for --each data.game=A,B")
    add(
        "--resume",
        action="store_true",
        help="go on: seeds that a record of the same options holds are not trained"
        " again, and an interrupted run goes on from its checkpoint",
    )
    add("--record", action="store_true", help="for maintainers: record in the plugin's own results/, from which the"
        " READMEs' tables are written")  # fmt: skip
    add("--json", action="store_true", help="print JSON")
    tables = parser.add_argument_group("the READMEs' tables", "dlplug verify --all --table [--check]")
    tables.add_argument("--all", action="store_true", help="of every recipe")
    tables.add_argument("--table", action="store_true", help="write the tables from the records")
    tables.add_argument("--check", action="store_true", help="only say which tables are stale")
    return parser


@parsed_by(verify_parser)
def verify_command(flags: Any, host: Host) -> int:
    """Trains a recipe, evaluates, compares with its target and records."""
    if flags.all or flags.table or flags.check:
        from dlplug_commands.verify.tables import write_tables

        _refuse_others(flags)
        return write_tables(host, flags.check)
    from dlplug_commands.verify.seeds import RECORDS, each_value, print_records, verify

    recipe = needed_recipe(host, "verify", flags.recipe)
    host = host_knowing(recipe, host)
    host.recipe(recipe)
    overlays = [arguments([f"--{option}={value}"]) for option, value in each_value(flags.each, flags.games)]
    warn_of_problems(host)
    folder = results_folder(host, recipe) if flags.record else RECORDS
    records = verify(
        host,
        recipe,
        flags.options,
        overlays,
        seeds=flags.seeds,
        preset=flags.preset,
        folder=folder,
        resume=flags.resume,
    )
    print_result(records if overlays else records[0], flags.json, lambda: print_records(records))
    return 1 if any(record["reached"] is False for record in records) else 0


def _refuse_others(flags: Any) -> None:
    """Raises UserError for any flag but --all --table [--check]."""
    usual = vars(verify_parser().parse_args([])) | {"all": True, "table": True, "check": flags.check}
    if vars(flags) != usual:
        raise UserError(
            "dlplug verify --all --table writes the READMEs' tables from the records, with --check it only says which"
            " are stale; neither trains, and they take nothing else"
        )
