"""Shell completion: a short script that asks `dlplug completion candidates WORD…`."""

from __future__ import annotations

from dlplug.errors import UserError, nearest
from dlplug.host.plugins import KINDS, Host
from dlplug.options.parsing import flag

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


def script(shell: str) -> str:
    """For `eval "$(dlplug completion bash)"`."""
    if shell not in SCRIPTS:
        raise UserError(f"no completion for {shell!r}.{nearest(shell, SCRIPTS)}")
    return SCRIPTS[shell]


def candidates(host: Host, words: list[str]) -> list[str]:
    """What may follow the words typed so far."""
    if not words:
        return host.names("commands")
    verb = words[0]
    if verb == "list":
        return list(KINDS)
    if verb == "completion":
        return list(SCRIPTS)
    if verb in ("run", "show", "verify", "eval", "sample", "resume") and len(words) == 1:
        return host.names("recipes")
    if verb in ("run", "verify") and words[1] in host.names("recipes"):
        from dlplug.commands.listing import option_names

        if words[-1] == "--preset":
            return list(host.recipe(words[1]).presets)
        return ["--preset", "--config", "--out", *map(flag, option_names(host, words[1]))]
    if verb == "sample" and words[1] in host.names("recipes"):
        from dlplug.runs.samples import sampler_names, sampler_of

        named = sampler_names(host, words[1])
        if words[-1] == "--what" or not named:
            return named
        what = words[words.index("--what") + 1] if "--what" in words else ""
        return ["--what", "--out", *(flag(option.name) for option in sampler_of(host, words[1], what)[1])]
    return []
