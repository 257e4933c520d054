"""The keys of the desktop labeler, as matplotlib's backends spell them."""

from __future__ import annotations

from dataclasses import dataclass

from maskcast.ui.controls import Command, Where, commands_of


@dataclass(frozen=True)
class Action:
    """A command; ``object_id`` is what SELECT selects."""

    command: Command
    object_id: int = 0


# The keys of the Korean keyboard's two sets, as they arrive while Hangul is typed.
_HANGUL = str.maketrans(
    "ㅂㅈㄷㄱㅅㅛㅕㅑㅐㅔㅁㄴㅇㄹㅎㅗㅓㅏㅣㅋㅌㅊㅍㅠㅜㅡ", "qwertyuiopasdfghjklzxcvbnm"
)

_BY_KEY = commands_of(Where.WINDOW)


def action_of(key: str) -> Action | None:
    """What a key of a matplotlib event asks for; None if nothing."""
    name = normalized(key)
    if len(name) == 1 and name in "123456789":
        return Action(Command.SELECT, int(name))
    command = _BY_KEY.get(name) or _BY_KEY.get(name.removeprefix("shift+"))
    return None if command is None else Action(command)


def normalized(key: str) -> str:
    """One spelling of a key for all backends: ``ctrl+Z`` and ``cmd+shift+z`` -> ``ctrl+shift+z``.

    A letter is the same with caps lock. With Alt a key is nobody's, but for brackets: many
    keyboards have them on AltGr, which arrives as Ctrl and Alt.
    """
    name = "+" if key.endswith("+") else key.rpartition("+")[2]
    held = set(key.removesuffix(name).split("+"))
    name = name.translate(_HANGUL)
    if held & {"alt", "altgr"}:
        return name if name in ("[", "]") else ""
    if held & {"ctrl", "control", "cmd", "super"}:
        shift = "shift" in held or (len(name) == 1 and name.isupper())
        return f"ctrl+{'shift+' if shift else ''}{name.lower()}"
    if len(name) != 1:
        return name
    return f"shift+{name.lower()}" if "shift" in held and name.isalpha() else name.lower()
