"""Files of the package that go to the browser: templates through Gradio, scripts by their route.

The scripts are ES modules below ``/maskcast/static/<digest>/``. The digest is that of all of them,
so what an address holds never changes: browsers keep it for good, an update has other addresses,
and modules import each other by relative ones.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from maskcast.ui.web.guard import OWN_ROUTES

_FOR_GOOD: Final = "private, max-age=31536000, immutable"
_DIGEST_DIGITS: Final = 16

_LOADER: Final = """
import(new URL("%s", document.baseURI).href)
  .then((page) => page.mount({ element, props, server }))
  .catch((error) => {
    console.error(error);
    const words = Object.values(props.texts).map((table) => table["shared.broken"]);
    const told = document.createElement("p");
    told.setAttribute("role", "alert");
    told.textContent = words.join(" ");
    element.prepend(told);
  });
"""


def asset(name: str) -> str:
    """The text of one file in ``static``."""
    return _static().joinpath(name).read_text("utf-8")


class Scripts:
    """The modules of the page.

    Attributes:
        digest: of all of them; part of their addresses.
    """

    def __init__(self, modules: Mapping[str, bytes]) -> None:
        """Serve ``modules``: path below ``static``, with slashes -> content."""
        self._modules = dict(modules)
        content = hashlib.sha256()
        for name, module in sorted(self._modules.items()):
            content.update(f"{name} {len(module)}\n".encode() + module)
        self.digest = content.hexdigest()[:_DIGEST_DIGITS]

    def address(self, name: str) -> str:
        """Of a module, relative to the page, which may be below the root of its host."""
        return f"{OWN_ROUTES.lstrip('/')}static/{self.digest}/{name}"

    def loader(self, name: str) -> str:
        """``js_on_load`` of a component whose page is a module with a function ``mount``."""
        return _LOADER % self.address(name)

    def preloads(self) -> str:
        """For the page's head: all modules are fetched at once, not one after the other."""
        links = (
            f'<link rel="modulepreload" href="{self.address(name)}">'
            for name in sorted(self._modules)
        )
        return "\n".join(links)

    def route(self) -> Route:
        """Answers with a module; only what there is, under the digest of now, is there."""
        return Route(f"{OWN_ROUTES}static/{{digest}}/{{name:path}}", self._answer, methods=["GET"])

    async def _answer(self, request: Request) -> Response:
        module = self._modules.get(request.path_params["name"])
        if module is None or request.path_params["digest"] != self.digest:
            headers = {"cache-control": "no-store"}
            return PlainTextResponse("there is no such script", 404, headers=headers)
        headers = {"cache-control": _FOR_GOOD}
        return Response(module, media_type="text/javascript", headers=headers)


@functools.cache
def page_scripts() -> Scripts:
    """Those of this package, read once."""
    return Scripts(_modules_below(_static(), ""))


def _static() -> Traversable:
    return files(__package__).joinpath("static")


def _modules_below(folder: Traversable, prefix: str) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for entry in folder.iterdir():
        name = f"{prefix}{entry.name}"
        if entry.is_dir():
            found |= _modules_below(entry, f"{name}/")
        elif name.endswith(".js"):
            found[name] = entry.read_bytes()
    return found
