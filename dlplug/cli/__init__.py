"""The command: verbs, their words, exit codes."""
