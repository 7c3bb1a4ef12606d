"""What tests of options share: a command line resolved, plugins made on the spot, complaints."""

from __future__ import annotations

from pathlib import Path

import pytest

from dlplug.errors import UserError
from dlplug.host.hookspecs import hookimpl
from dlplug.options.layers import resolve
from dlplug.options.reading import arguments


def typed(line: str, host, recipe: str = "toy-moons", preset: str = "", layers=()):
    """The configuration that a command line gives."""
    return resolve(host, recipe, [*layers, arguments(line.split())], preset)


def registering(**kinds):
    """A plugin object whose hooks return these mappings."""

    class More:
        pass

    for kind, names in kinds.items():
        setattr(More, f"register_{kind}", staticmethod(hookimpl(lambda names=names: names)))
    return More()


def with_plugins(host):
    """The host built anew over its manager, with what has been registered since."""
    from dlplug.host.plugin import Plugin
    from dlplug.host.plugins import Host

    known = {plugin.name for plugin in host.plugins}
    added = [(name, module) for name, module in host.manager.list_name_plugin() if name not in known]
    plugins = [*host.plugins, *(Plugin(name, "made here", title=name, module=module) for name, module in added)]
    return Host(host.manager, plugins, strict=True)


def complaint(call) -> str:
    with pytest.raises(UserError) as caught:
        call()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def file_of(text: str) -> str:
    Path("overlay.yaml").write_text(text, encoding="utf-8")
    return "overlay.yaml"
