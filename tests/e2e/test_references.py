"""References whose pictures were deleted or renamed, as a person mends them."""

from __future__ import annotations

import json

from support import MakeProject, Maskcast


def test_a_deleted_reference_is_named_and_dropped(
    make_project: MakeProject, maskcast: Maskcast
) -> None:
    project = make_project(2)
    (project / "references" / "r1.png").unlink()
    ran = maskcast("run", project, "--engine", "fake")
    assert ran.returncode == 0, ran.stderr
    told = " ".join(ran.stderr.split())
    assert "r1.png: annotated, but the picture is gone" in told
    assert "maskcast references drop NAME" in told

    listed = maskcast("references", "list", project)
    assert [line.split() for line in listed.stdout.splitlines()] == [
        ["annotated", "r0.png:", "object", "1"],
        ["gone", "r1.png:", "object", "1"],
        ["clean", "r2.png"],
    ]
    assert listed.stderr.strip() == "annotated 1, clean 1, open 0, gone 1"

    assert maskcast("references", "drop", "--project", project).returncode == 1
    both = maskcast("references", "drop", "r0.png", "--gone", "--project", project)
    assert both.returncode == 1
    dropped = maskcast("references", "drop", "r1.png", "--project", project)
    assert dropped.returncode == 0, dropped.stderr
    assert "dropped 1 reference; what was there is kept in" in dropped.stderr
    assert (
        "dropped 0 references"
        in maskcast("references", "drop", "--gone", "--project", project).stderr
    )
    again = maskcast("run", project, "--engine", "fake")
    assert again.returncode == 0, again.stderr
    assert "r1.png" not in again.stderr


def test_a_renamed_reference_teaches_again(make_project: MakeProject, maskcast: Maskcast) -> None:
    project = make_project(2)
    (project / "references" / "r1.png").rename(project / "references" / "new\nname.png")
    renamed = maskcast("references", "rename", "r1.png", "new\nname.png", "--project", project)
    assert renamed.returncode == 0, renamed.stderr
    assert r"r1.png is new\nname.png now; what was there is kept in" in renamed.stderr
    entries = json.loads(maskcast("references", "list", project, "--json").stdout)
    assert entries[0] == {"image_id": "new\nname.png", "state": "annotated", "object_ids": [1]}
    ran = maskcast("run", project, "--engine", "fake")
    assert ran.returncode == 0, ran.stderr
    assert "gone" not in ran.stderr
