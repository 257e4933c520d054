"""The notebook for Colab and Jupyter runs from top to bottom."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

NOTEBOOK = Path(__file__).parents[2] / "examples" / "quickstart.ipynb"


def test_the_notebook_runs(tmp_path: Path) -> None:
    cells = json.loads(NOTEBOOK.read_text("utf-8"))["cells"]
    assert all(not cell.get("outputs") for cell in cells), "outputs are not kept in the repository"
    program = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    script = tmp_path / "quickstart.py"
    script.write_text(f"import matplotlib\nmatplotlib.use('agg')\n{program}", "utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "ignore::UserWarning", script],  # agg shows nothing, and says so
        env={**os.environ, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert "done 6 of 6" in done.stdout
    assert "exported 6 images" in done.stdout
