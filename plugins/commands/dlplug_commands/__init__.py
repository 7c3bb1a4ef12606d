"""Verbs that only use what any plugin can: list, show, runs, sample, verify, plugins, doctor, new, exercise,
completion."""

from dlplug import hookimpl


@hookimpl
def register_commands():
    return {
        "list": "dlplug_commands.listing:list_command",
        "show": "dlplug_commands.show:show_command",
        "runs": "dlplug_commands.runs:runs_command",
        "sample": "dlplug_commands.sampling:sample_command",
        "verify": "dlplug_commands.verify.command:verify_command",
        "plugins": "dlplug_commands.plugins:plugins_command",
        "doctor": "dlplug_commands.doctor:doctor_command",
        "new": "dlplug_commands.new.command:new_command",
        "exercise": "dlplug_commands.exercise.command:exercise_command",
        "completion": "dlplug_commands.completion:completion_command",
    }
