"""The engines that only tests use, announced to this process and to all that it starts.

`plugins` is a search path with a small distribution in it, as if a user had installed it: command
lines, web servers and Ray's workers find its engines because they inherit the path.
"""

from __future__ import annotations

import os
from pathlib import Path

from hypothesis import settings

PLUGINS = str(Path(__file__).parent / "plugins")

_inherited = os.environ.get("PYTHONPATH", "").split(os.pathsep)
if PLUGINS not in _inherited:
    os.environ["PYTHONPATH"] = os.pathsep.join([PLUGINS, *filter(None, _inherited)])

# Other programs on the machine must not fail a test.
settings.register_profile("untimed", parent=settings.default, deadline=None)
settings.load_profile("untimed")
