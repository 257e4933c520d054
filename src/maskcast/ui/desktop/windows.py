"""A window of Tk or Qt, whichever is there, with a matplotlib canvas and nothing else in it.

The canvas is embedded without matplotlib's figure manager: no key of matplotlib's own is bound.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from maskcast.drawing.palette import Color, hex_color, parse_hex_color
from maskcast.errors import DisplayError

if TYPE_CHECKING:
    from matplotlib.backend_bases import KeyEvent
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

_SIZE = (1280, 800)
"""Of a window on a 96 dpi screen, in pixels."""

_SMALLEST = (720, 560)
_SHARE_OF_SCREEN = 0.92
_TK_SHIFT = 1
_QT = ("PyQt6", "PySide6", "PyQt5", "PySide2")
_NO_WINDOW = "; annotate in the browser instead: maskcast serve"


class Window(Protocol):
    """What the labeler asks of a toolkit."""

    canvas: FigureCanvasAgg

    def set_title(self, title: str) -> None:
        """Name the window."""

    def show(self) -> None:
        """Show the window; it takes events from then on."""

    def run(self) -> None:
        """Come back when the window is closed."""

    def close(self) -> None:
        """Close the window."""

    def ask_text(self, question: str, text: str) -> str | None:
        """Have a line of text changed; None if the person thought better of it."""

    def ask_color(self, question: str, color: Color) -> Color | None:
        """Have a colour chosen; None if the person thought better of it."""


def open_window() -> Window:
    """A window that is not shown yet.

    Tk is taken first, unless ``MPLBACKEND`` names Qt; the other one where that cannot open any.

    Raises:
        DisplayError: if matplotlib, a toolkit or a display is missing.
    """
    if importlib.util.find_spec("matplotlib") is None:
        raise DisplayError(
            "the desktop labeler needs matplotlib, which is not installed; "
            "run: pip install 'maskcast[desktop]'"
        )
    if not _has_display():
        raise DisplayError(f"there is no display to open a window on{_NO_WINDOW}")
    toolkits = _toolkits()
    if not toolkits:
        raise DisplayError(
            "this Python has neither Tk nor Qt to open a window with; "
            f"run: pip install PyQt6{_NO_WINDOW}"
        )
    problems = []
    for toolkit in toolkits:
        try:
            return toolkit()
        except DisplayError as error:
            problems.append(error)
    raise problems[0]


def full_key(event: KeyEvent) -> str:
    """The key of an event with Shift, which matplotlib drops: on Tk always, on Qt from letters."""
    key = event.key or ""
    state = getattr(event.guiEvent, "state", 0)
    shift = isinstance(state, int) and bool(state & _TK_SHIFT)
    if hasattr(event.guiEvent, "modifiers"):  # Qt's: its letters are capitals only with Shift
        shift = len(key) == 1 and key.isupper()
    return f"shift+{key}" if shift and key else key


def _has_display() -> bool:
    """Whether a window can be seen; Qt ends the program where it cannot, so ask first."""
    return not _on_x11() or any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    )


def _on_x11() -> bool:
    return sys.platform.startswith(("linux", "freebsd"))


def _toolkits() -> list[Callable[[], Window]]:
    """What is installed, the best first."""
    found: list[Callable[[], Window]] = []
    if importlib.util.find_spec("_tkinter") is not None:
        found.append(_TkWindow)
    if any(importlib.util.find_spec(name) is not None for name in _QT):
        qt_first = os.environ.get("MPLBACKEND", "").lower().startswith("qt")
        found.insert(0 if qt_first else len(found), _QtWindow)
    return found


class _TkWindow:
    """Tk, which comes with most Pythons."""

    def __init__(self) -> None:
        try:
            import tkinter

            from matplotlib.backends.backend_tkagg import FigureCanvasTkAgg
        except ImportError as error:
            raise _unopened(error) from error
        try:
            self._root = tkinter.Tk(className="maskcast")
        except tkinter.TclError as error:
            raise _unopened(error) from error
        self._root.withdraw()
        screen = self._root.winfo_screenwidth(), self._root.winfo_screenheight()
        # Sizes are pixels of the screen on X11, and of a 96 dpi one elsewhere.
        dpi = self._root.winfo_fpixels("1i") if _on_x11() else 96.0
        width, height = _window_size(screen, dpi / 96)
        self._root.geometry(f"{width}x{height}")
        self._root.minsize(min(width, _SMALLEST[0]), min(height, _SMALLEST[1]))
        self._root.configure(background="#18191c")
        canvas: Any = FigureCanvasTkAgg(  # type: ignore[no-untyped-call]
            _empty_figure(width, height), master=self._root
        )
        widget = canvas.get_tk_widget()
        widget.configure(background="#18191c")
        widget.pack(fill="both", expand=True)
        self._root.protocol("WM_DELETE_WINDOW", self.close)
        self.canvas: FigureCanvasAgg = canvas

    def set_title(self, title: str) -> None:
        self._root.title(title)

    def show(self) -> None:
        self._root.deiconify()
        self._root.update()
        self.canvas.get_tk_widget().focus_force()  # type: ignore[attr-defined]

    def run(self) -> None:
        self._root.mainloop()
        self._root.destroy()

    def close(self) -> None:
        self._root.quit()

    def ask_text(self, question: str, text: str) -> str | None:
        from tkinter import simpledialog

        return simpledialog.askstring("maskcast", question, initialvalue=text, parent=self._root)

    def ask_color(self, question: str, color: Color) -> Color | None:
        from tkinter import colorchooser

        _, chosen = colorchooser.askcolor(hex_color(color), parent=self._root, title=question)
        return None if chosen is None else parse_hex_color(chosen)


class _QtWindow:
    """Qt, through whichever binding matplotlib finds."""

    def __init__(self) -> None:
        try:
            from matplotlib.backends.backend_qtagg import FigureCanvasQTAgg
            from matplotlib.backends.qt_compat import (  # type: ignore[attr-defined]
                QtCore,
                QtWidgets,
            )

            # It makes the application too, but not where Qt would end the program for want of
            # a display.
            canvas: Any = FigureCanvasQTAgg(_empty_figure(*_SIZE))  # type: ignore[no-untyped-call]
        except (ImportError, RuntimeError) as error:
            raise _unopened(error) from error
        self._app = QtWidgets.QApplication.instance()
        screen = self._app.primaryScreen().availableGeometry()
        width, height = _window_size((screen.width(), screen.height()), 1.0)
        canvas.setFocusPolicy(QtCore.Qt.FocusPolicy.StrongFocus)
        self._widgets = QtWidgets
        self._window = QtWidgets.QMainWindow()
        self._window.setCentralWidget(canvas)
        self._window.resize(width, height)
        self._window.setMinimumSize(min(width, _SMALLEST[0]), min(height, _SMALLEST[1]))
        self._app.setQuitOnLastWindowClosed(True)
        self.canvas: FigureCanvasAgg = canvas

    def set_title(self, title: str) -> None:
        self._window.setWindowTitle(title)

    def show(self) -> None:
        self._window.show()
        self._app.processEvents()
        self.canvas.setFocus()  # type: ignore[attr-defined]

    def run(self) -> None:
        self._app.exec()

    def close(self) -> None:
        self._window.close()

    def ask_text(self, question: str, text: str) -> str | None:
        ask = self._widgets.QInputDialog.getText
        line = self._widgets.QLineEdit.EchoMode.Normal
        answer, is_given = ask(self._window, "maskcast", question, line, text)
        return answer if is_given else None

    def ask_color(self, question: str, color: Color) -> Color | None:
        dialog = self._widgets.QColorDialog(self._window)
        dialog.setWindowTitle(question)
        dialog.setCurrentColor(type(dialog.currentColor())(*color))
        chosen = dialog.currentColor() if dialog.exec() else None
        return None if chosen is None else parse_hex_color(chosen.name())


def _unopened(error: Exception) -> DisplayError:
    return DisplayError(f"no window can be opened ({error}){_NO_WINDOW}")


def _window_size(screen: tuple[int, int], ratio: float) -> tuple[int, int]:
    """Width and height of a new window; ``ratio`` is pixels per pixel of a 96 dpi screen."""
    width, height = (
        min(round(wanted * max(1.0, ratio)), int(_SHARE_OF_SCREEN * there))
        for wanted, there in zip(_SIZE, screen, strict=True)
    )
    return width, height


def _empty_figure(width: int, height: int) -> Figure:
    from matplotlib.figure import Figure

    return Figure(figsize=(width / 96, height / 96), dpi=96)
