"""Whether a run goes online, offline or nowhere: decided before `wandb.init`, which would prompt for a missing key and
wait a hundred seconds for an unreachable server. Nothing here imports wandb."""

from __future__ import annotations

import configparser
import netrc
import os
import threading
import urllib.error
import urllib.request
from collections.abc import Mapping
from http.client import HTTPException
from pathlib import Path
from typing import Any, Literal, NamedTuple
from urllib.parse import urlsplit

from dlplug.errors import UserError, nearest

DEFAULT_SERVER = "https://api.wandb.ai"
PROBE_SECONDS = 2.0
Mode = Literal["online", "offline", "off"]
MODES: dict[str, Mode] = {
    "online": "online",
    "run": "online",
    "shared": "online",
    "offline": "offline",
    "dryrun": "offline",
    "disabled": "off",
}


class Choice(NamedTuple):
    """reason: why `auto` did not choose online, or ""."""

    mode: Mode
    reason: str = ""


def choose(mode: Literal["auto", "online", "offline", "off"], environ: Mapping[str, str] | None = None) -> Choice:
    """Resolves `auto`; for online, asks the server for a sign of life, which takes two seconds at most.

    Under `auto`, WANDB_MODE decides where it is set, then what `wandb offline` or `wandb disabled` left in wandb's
    settings. Raises UserError where online is demanded and there is no key or no server.
    """
    environ = os.environ if environ is None else environ
    settings = read_settings(environ)
    wanted: Mode | Literal["auto"] = mode
    source = f"--wandb {mode}"
    if mode == "auto" and (named := environ.get("WANDB_MODE")):
        if named not in MODES:
            raise UserError(f"WANDB_MODE={named} is not a mode of W&B.{nearest(named, MODES)}")
        wanted, source = MODES[named], f"WANDB_MODE={named}"
    elif mode == "auto" and MODES.get(settings.get("mode", "")) in ("offline", "off"):
        wanted = MODES[settings["mode"]]
    if wanted == "off" or wanted == "offline":
        return Choice(wanted)
    missing = why_not_online(settings, environ)
    if missing and wanted == "online":
        raise UserError(f"{source}: {missing}; expected both a key and a server, or --wandb offline")
    return Choice("offline", missing) if missing else Choice("online")


def findings(environ: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
    """For `dlplug doctor`: which mode a run would take now, and what stands between it and being online."""
    try:
        choice = choose("auto", environ)
    except UserError as error:
        return [{"name": "W&B", "works": False, "says": str(error), "advice": "unset WANDB_MODE or give a key"}]
    advice = f"to log online: {choice.reason}" if choice.reason else ""
    return [{"name": "W&B", "works": True, "says": f"runs are logged {choice.mode}", "advice": advice}]


def why_not_online(settings: Mapping[str, str], environ: Mapping[str, str]) -> str:
    """What is missing, with its remedy; "" where there is a key and the server answers."""
    server = environ.get("WANDB_BASE_URL") or settings.get("base_url") or DEFAULT_SERVER
    if not has_key(server, settings, environ):
        return f"no API key for {urlsplit(server).netloc or server} (`wandb login` gives one)"
    silence = probe(server)
    return f"{server} does not answer ({silence})" if silence else ""


def read_settings(environ: Mapping[str, str]) -> dict[str, str]:
    """wandb's settings files, the working folder's over the user's. A file that cannot be read counts as empty."""
    folder = _expanded(environ.get("WANDB_CONFIG_DIR") or "~/.config/wandb")
    found: dict[str, str] = {}
    for path in (folder / "settings", Path(environ.get("WANDB_DIR") or ".") / "wandb" / "settings"):
        parser = configparser.ConfigParser(interpolation=None)
        try:
            parser.read(path, encoding="utf-8")
        except (configparser.Error, OSError, UnicodeDecodeError):
            continue
        if parser.has_section("default"):
            found |= parser["default"]
    return found


def _expanded(path: str) -> Path:
    """With ~ replaced by the home folder, where the user has one."""
    return Path(os.path.expanduser(path))


def has_key(server: str, settings: Mapping[str, str], environ: Mapping[str, str]) -> bool:
    """Looks where wandb looks: the environment, the netrc file, the settings."""
    if environ.get("WANDB_API_KEY") or environ.get("WANDB_IDENTITY_TOKEN_FILE") or settings.get("api_key"):
        return True
    usual = [_expanded("~/.netrc"), _expanded("~/_netrc")]
    named = environ.get("NETRC")
    path = _expanded(named) if named else next((p for p in usual if p.exists()), usual[0])
    try:
        entry = netrc.netrc(path).authenticators(urlsplit(server).netloc)
    except (OSError, UnicodeDecodeError, netrc.NetrcParseError):
        return False
    return entry is not None and bool(entry[2])


def probe(server: str, seconds: float = PROBE_SECONDS) -> str:
    """Nothing where the server gives any HTTP answer below 500 in time, else what happened instead.

    In a thread of its own, since a timeout bounds neither the look-up of a name nor an answer that comes in drops.
    """
    answer: list[str] = []
    thread = threading.Thread(target=lambda: answer.append(_answer(server, seconds)), daemon=True)
    thread.start()
    thread.join(seconds)
    return answer[0] if answer else _silent(seconds)


def _silent(seconds: float) -> str:
    return f"silent for {seconds:g} s"


def _answer(server: str, seconds: float) -> str:
    try:
        with urllib.request.build_opener(_Stay).open(server, timeout=seconds):
            return ""
    except urllib.error.HTTPError as error:
        return f"HTTP {error.code}" if error.code >= 500 else ""
    except urllib.error.URLError as error:
        return _silent(seconds) if isinstance(error.reason, TimeoutError) else str(error.reason)
    except TimeoutError:
        return _silent(seconds)
    except (OSError, ValueError, HTTPException) as error:
        return str(error) or type(error).__name__


class _Stay(urllib.request.HTTPRedirectHandler):
    """A redirection is an answer too: not followed, it arrives as an HTTPError."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None
