"""Reports of one run or of many, TensorBoard over their folders, and sweeps."""

from dlplug import hookimpl


@hookimpl
def register_commands():
    return {
        "report": "dlplug_report.report:report",
        "board": "dlplug_report.board:board",
        "sweep": "dlplug_report.sweep.command:sweep",
    }
