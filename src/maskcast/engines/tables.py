"""An engine's own table in ``maskcast.toml``, checked against what the engine can be told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from maskcast.errors import SettingsError

Options = TypeVar("Options", bound=BaseModel)


def parse_table(engine: str, given: Mapping[str, Any], model: type[Options]) -> Options:
    """Check the table ``[engines.NAME]``.

    Args:
        engine: its name, for messages.
        given: the table's keys and values.
        model: what the engine can be told.

    Raises:
        SettingsError: naming the option that is wrong.
    """
    try:
        return model.model_validate(dict(given))
    except ValidationError as error:
        problem = error.errors()[0]
        name = ".".join(str(part) for part in problem["loc"][:1])
        if problem["type"] == "extra_forbidden":
            raise SettingsError(
                f"the engine {engine!r} has no option {name!r}; there are: "
                f"{', '.join(model.model_fields)}; correct [engines.{engine}] in maskcast.toml"
            ) from error
        raise SettingsError(
            f"[engines.{engine}] {name}: {problem['msg']}, got {problem['input']!r}"
        ) from error
