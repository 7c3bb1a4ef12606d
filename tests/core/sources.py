"""What tests of signatures share: a schema read from a module's source beside that of the imported object."""

from __future__ import annotations

import sys

from dlplug.host.signatures import Signature, inspected, read_signature


def both(module: str, name: str) -> Signature:
    """The signature by the source, which must not import the module, and by the object: they must be one."""
    read = read_signature(f"{module}:{name}")
    assert module not in sys.modules, "reading the source imported it"
    __import__(module)
    assert read == inspected(getattr(sys.modules[module], name))
    return read
