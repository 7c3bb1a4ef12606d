"""A plugin that works, for tests that install distributions."""

from __future__ import annotations

GOOD = """
    from dlplug import hookimpl
    from dlplug.recipes import Recipe

    @hookimpl
    def register_data():
        return {"good-data": "good_parts:Data"}

    @hookimpl
    def register_recipes():
        return {"good-recipe": Recipe(summary="works", data="good-data", length="3 steps", source="none")}
"""


def plugin_of(host, name):
    return next(plugin for plugin in host.plugins if plugin.name == name)
