"""What runs look like to a person: a report of one run or of many, and TensorBoard over their folders."""

from dlplug import hookimpl


@hookimpl
def register_commands():
    return {
        "report": "dlplug_report.report_command:report",
        "board": "dlplug_report.board_command:board",
        "sweep": "dlplug_report.sweep_command:sweep",
    }
