"""Shards are WebDatasets, hold the very files of the folders, and agree with the ledger."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from maskcast.errors import RunError
from maskcast.runs.ledger import Ledger
from maskcast.runs.ledger_rows import TargetRow
from maskcast.runs.shards import ShardPlan, pack, reconcile, unpack

FILES = {
    "id_masks/lot 1/a.jpg/1.png": b"one",
    "id_masks/lot 1/a.jpg/12.png": b"twelve",
    "masks/lot 1/a.jpg.png": b"label map",
    "overlays/lot 1/a.jpg.jpg": b"overlay",
    "bboxes/lot 1/a.jpg.csv": b"boxes",
}
OTHER = {"masks/b%2E.png": b"m", "overlays/b%2E.jpg": b"o", "bboxes/b%2E.csv": b"c"}


def test_what_is_packed_is_unpacked_and_the_same_targets_give_the_same_bytes() -> None:
    targets = [("lot 1/a.jpg", "lot 1/a.jpg", FILES), ("b%2E.png", "b%2E", OTHER)]
    data = pack(targets)
    assert unpack(data) == FILES | OTHER
    assert pack(list(reversed(targets))) == data


# Its reader leaves the tar open.
@pytest.mark.filterwarnings("ignore:.*FileIO:pytest.PytestUnraisableExceptionWarning")
def test_webdataset_reads_each_target_as_one_sample(tmp_path: Path) -> None:
    webdataset: Any = pytest.importorskip("webdataset")
    targets = [("lot 1/a.jpg", "lot 1/a.jpg", FILES), ("b%2E.png", "b%2E", OTHER)]
    (tmp_path / "x.tar").write_bytes(pack(targets))
    samples = list(
        webdataset.WebDataset(str(tmp_path / "x.tar"), shardshuffle=False, empty_check=False)
    )
    assert [sample["__key__"] for sample in samples] == ["b%252E", "lot 1/a%2Ejpg"]
    sample = samples[1]
    assert json.loads(sample["json"])["image_id"] == "lot 1/a.jpg"
    assert (sample["mask.png"], sample["overlay.jpg"]) == (b"label map", b"overlay")
    assert (sample["boxes.csv"], sample["12.id_mask.png"]) == (b"boxes", b"twelve")


@pytest.mark.parametrize("path", ["/etc/x", "../x", "masks/../../x", "run.db"])
def test_a_shard_cannot_lead_out_of_the_output(path: str) -> None:
    stream = io.BytesIO()
    head = json.dumps({"files": {"mask.png": path}}).encode()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        for name, data in (("a.json", head), ("a.mask.png", b"x")):
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    with pytest.raises(RunError, match="no result"):
        unpack(stream.getvalue())


def test_what_is_no_shard_is_refused() -> None:
    with pytest.raises(RunError, match="no shard"):
        unpack(b"nothing of the kind" * 100)


def test_shards_and_ledger_are_made_to_agree(tmp_path: Path) -> None:
    output = tmp_path / "out"
    with Ledger.create(tmp_path / "run.db", {}) as ledger:
        plan = ShardPlan(output, ledger.run_id, 2)
        rows = [TargetRow(f"{name}.png", name, "done") for name in "abc"]
        shards = [plan.write([row], {row.name: {f"masks/{row.name}.png": b"x"}}) for row in rows]
        foreign = output / "shards" / ("0" * 8 + "-" + "1" * 16 + ".tar")
        (output / "shards" / "notes.txt").write_text("mine")
        foreign.write_bytes(b"of another run")
        recorded = [TargetRow(f"{n}.png", n, "done", shard=s) for n, s in zip("ab", shards[:2])]  # noqa: B905
        ledger.record_all(recorded)
        (output / "shards" / shards[0]).unlink()

        assert reconcile(output, ledger) == 1
        assert [row.image_id for row in ledger.rows()] == ["b.png"]
        there = {path.name for path in (output / "shards").iterdir()}
        assert there == {shards[1], foreign.name, "notes.txt"}, "or something not ours was removed"
        assert reconcile(output, ledger) == 0
