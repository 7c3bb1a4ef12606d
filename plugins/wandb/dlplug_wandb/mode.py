"""Chooses between online, offline and off before `wandb.init`, which would prompt for a missing key and wait a hundred
seconds for an unreachable server. Does not import wandb."""

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
    """The chosen mode. reason: why `auto` did not choose online, or ""."""

    mode: Mode
    reason: str = ""


def choose(mode: Literal["auto", "online", "offline", "off"], environ: Mapping[str, str] | None = None) -> Choice:
    """Resolves `auto`; for online, checks that the server answers, which takes at most two seconds.

    `auto` follows WANDB_MODE if it is set, else the setting of `wandb offline` or `wandb disabled`. Raises UserError
    where online is required and the key or the server is missing.
    """
    environ = os.environ if environ is None else environ
    settings = read_settings(environ)
    requested: Mode | Literal["auto"] = mode
    source = f"--wandb {mode}"
    if mode == "auto" and (named := environ.get("WANDB_MODE")):
        if named not in MODES:
            raise UserError(f"WANDB_MODE={named} is not a mode of W&B.{nearest(named, MODES)}")
        requested, source = MODES[named], f"WANDB_MODE={named}"
    elif mode == "auto" and MODES.get(settings.get("mode", "")) in ("offline", "off"):
        requested = MODES[settings["mode"]]
    if requested == "off" or requested == "offline":
        return Choice(requested)
    missing = why_not_online(settings, environ)
    if missing and requested == "online":
        raise UserError(f"{source}: {missing}; expected a key and a server, or --wandb offline")
    return Choice("offline", missing) if missing else Choice("online")


def findings(environ: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
    """For `dlplug doctor`: the mode of a run now, and what is missing to log online."""
    try:
        choice = choose("auto", environ)
    except UserError as error:
        return [{"name": "W&B", "works": False, "says": str(error), "advice": "unset WANDB_MODE or set a key"}]
    advice = f"to log online: {choice.reason}" if choice.reason else ""
    return [{"name": "W&B", "works": True, "says": f"runs are logged {choice.mode}", "advice": advice}]


def why_not_online(settings: Mapping[str, str], environ: Mapping[str, str]) -> str:
    """What is missing and how to get it; "" if there is a key and the server answers."""
    server = environ.get("WANDB_BASE_URL") or settings.get("base_url") or DEFAULT_SERVER
    if not has_key(server, settings, environ):
        return f"no API key for {urlsplit(server).netloc or server} (`wandb login` gives one)"
    silence = probe(server)
    return f"{server} does not answer ({silence})" if silence else ""


def read_settings(environ: Mapping[str, str]) -> dict[str, str]:
    """wandb's settings: the current folder's file overrides the user's. Unreadable files count as empty."""
    folder = _expanded(environ.get("WANDB_CONFIG_DIR") or "~/.config/wandb")
    settings: dict[str, str] = {}
    for path in (folder / "settings", Path(environ.get("WANDB_DIR") or ".") / "wandb" / "settings"):
        parser = configparser.ConfigParser(interpolation=None)
        try:
            parser.read(path, encoding="utf-8")
        except (configparser.Error, OSError, UnicodeDecodeError):
            continue
        if parser.has_section("default"):
            settings |= parser["default"]
    return settings


def _expanded(path: str) -> Path:
    """The path with ~ replaced by the home folder, if the user has one."""
    return Path(os.path.expanduser(path))


def has_key(server: str, settings: Mapping[str, str], environ: Mapping[str, str]) -> bool:
    """Whether there is a key in the environment, the netrc file or the settings, as wandb looks for it."""
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
    """ "" if the server gives an HTTP response below 500 in time, else a description of the failure.

    Runs in a thread, since urllib's timeout bounds neither name resolution nor a slow response.
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
    """Does not follow redirects, which raise HTTPError and count as a response."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None
