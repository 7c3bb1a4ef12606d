"""What runs look like to a person: a report of one run or of many, and TensorBoard over their folders."""

from dlplug import hookimpl


@hookimpl
def register_commands():
    return {
        "report": "dlplug_report.report:report",
        "board": "dlplug_report.board:board",
        "sweep": "dlplug_report.sweep.command:sweep",
    }
