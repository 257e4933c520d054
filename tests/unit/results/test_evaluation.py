"""Evaluation of an output folder: what is compared, what is named, what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from maskcast.errors import AnnotationError, EvaluationError
from maskcast.project.annotations import (
    Annotation,
    AnnotationFile,
    ObjectAnnotation,
    StoredMask,
    write_annotations,
)
from maskcast.project.folder import LEDGER_NAME, ProjectFolder
from maskcast.results.evaluation import Evaluation, evaluate_output, evaluate_rows
from maskcast.runs.ledger import Ledger
from maskcast.runs.ledger_rows import FoundObject, TargetRow
from maskcast.types import LabelMap, Prompts

HEIGHT, WIDTH = 20, 30


def labels(*regions: tuple[int, int, int], shape: tuple[int, int] = (HEIGHT, WIDTH)) -> LabelMap:
    """Label map with columns [start, end) of each (id, start, end)."""
    label_map = np.zeros(shape, np.uint8)
    for object_id, start, end in regions:
        label_map[:, start:end] = object_id
    return label_map


class Run:
    """An output folder and a truth folder, written with Pillow."""

    def __init__(self, root: Path) -> None:
        self.output, self.truth = root / "output", root / "truth"
        self.truth.mkdir()
        self.rows: list[TargetRow] = []

    def add(self, image_id: str, name: str, *regions: tuple[int, int, int]) -> None:
        """A target that is done, with these objects found."""
        found = []
        for object_id, start, end in regions:
            picture = np.where(labels((1, start, end)) > 0, np.uint8(255), np.uint8(0))
            save(self.output / "id_masks" / name / f"{object_id}.png", picture)
            box = (start, 0, end, HEIGHT)
            found.append(FoundObject(object_id, 0.9, HEIGHT * (end - start), 1, box))
        self.rows.append(
            TargetRow(image_id, name, "done", (HEIGHT, WIDTH), 1, objects=tuple(found))
        )

    def add_truth(self, name: str, label_map: LabelMap) -> None:
        save(self.truth / name, label_map)

    def evaluate(self) -> Evaluation:
        return evaluate_rows(iter(self.rows), self.output, self.truth, {1: "particle"})


def save(path: Path, pixels: LabelMap) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path)


def test_compares_by_object(run: Run) -> None:
    run.add("lot/a.jpg", "lot/a", (1, 0, 10), (2, 20, 24))
    run.add_truth("lot/a.png", labels((1, 5, 15), (2, 20, 24)))
    run.add("b.tif", "b")
    run.add_truth("b.png", labels((2, 0, 4)))
    found = run.evaluate()
    assert found.targets == 2
    assert found.objects[1].name == "particle"
    assert found.objects[2].name == "object 2"
    assert found.objects[1].iou == pytest.approx(5 / 15)
    assert found.objects[2].iou == pytest.approx(4 / 8)
    assert found.objects[2].mean_iou == pytest.approx((1 + 0) / 2)
    assert found.objects[2].presence.fn == 1
    assert found.remarks() == []


def test_truth_may_keep_the_suffix(run: Run) -> None:
    run.add("lot/a.jpg", "lot/a", (1, 0, 10))
    run.add_truth("lot/a.jpg.png", labels((1, 0, 10)))
    assert run.evaluate().objects[1].iou == 1.0


def test_both_names_of_a_target_count_as_matched(run: Run) -> None:
    run.add("a.jpg", "a", (1, 0, 10))
    run.add_truth("a.png", labels((1, 0, 10)))
    run.add_truth("a.jpg.png", labels())
    found = run.evaluate()
    assert found.objects[1].iou == 1.0
    assert found.unmatched_truth == ()


def test_a_clean_image_with_nothing_found_is_right(run: Run) -> None:
    run.add("a.jpg", "a")
    run.add_truth("a.png", labels())
    found = run.evaluate()
    assert found.overall.presence.tn == 1
    assert found.overall.iou is None
    assert found.objects[1].presence.tn == 1


def test_black_and_white_truth_is_object_one(run: Run) -> None:
    run.add("a.jpg", "a", (1, 0, 10))
    run.add_truth("a.png", labels((255, 0, 10)))
    assert run.evaluate().objects[1].iou == 1.0


def test_what_cannot_be_compared_is_named(run: Run) -> None:
    run.add("a.jpg", "a", (1, 0, 10))
    run.add_truth("a.png", labels((1, 0, 10)))
    run.add("no truth.jpg", "no truth", (1, 0, 10))
    run.add("wrong size.jpg", "wrong size", (1, 0, 10))
    run.add_truth("wrong size.png", labels((1, 0, 10), shape=(HEIGHT, WIDTH + 1)))
    run.add("wrong size, empty.jpg", "wrong size, empty")
    run.add_truth("wrong size, empty.png", labels(shape=(HEIGHT + 1, WIDTH)))
    run.add("damaged.jpg", "damaged", (1, 0, 10))
    run.truth.joinpath("damaged.png").write_bytes(b"no picture")
    run.add("lost.jpg", "lost", (1, 0, 10))
    run.add_truth("lost.png", labels((1, 0, 10)))
    run.output.joinpath("id_masks", "lost", "1.png").unlink()
    run.rows.append(TargetRow("broken.jpg", "broken", "failed", reason="truncated"))
    run.add_truth("broken.png", labels((1, 0, 10)))
    run.add_truth("other/unknown.png", labels((1, 0, 10)))
    found = run.evaluate()
    assert found.targets == 1
    assert found.missing_truth == ("no truth.jpg",)
    assert found.failed == ("broken.jpg",)
    assert set(found.unusable) == {
        "wrong size.jpg",
        "wrong size, empty.jpg",
        "damaged.jpg",
        "lost.jpg",
    }
    assert "31 x 20 pixels, the target is 30 x 20" in found.unusable["wrong size.jpg"]
    assert "30 x 21 pixels, the target is 30 x 20" in found.unusable["wrong size, empty.jpg"]
    assert found.unmatched_truth == ("other/unknown.png",)
    assert found.objects[1].presence.tp == 1
    assert [remark.split(" ", 1)[0] for remark in found.remarks()] == ["1", "1", "4", "1"]


def test_json_has_null_where_undefined(run: Run) -> None:
    run.add("a.jpg", "a")
    run.add_truth("a.png", labels())
    content = json.loads(json.dumps(run.evaluate().to_json(), allow_nan=False))
    assert content["targets"] == 1
    assert content["missing_truth"] == content["failed"] == content["unmatched_truth"] == []
    assert content["objects"]["1"]["iou"] is None
    assert content["objects"]["1"]["presence"]["accuracy"] == 1.0
    assert set(content["overall"]) == set(content["objects"]["1"])


def test_nothing_to_compare_is_an_error(run: Run) -> None:
    run.add("lot/a.jpg", "lot/a", (1, 0, 10))
    run.add_truth("elsewhere/a.png", labels((1, 0, 10)))
    with pytest.raises(EvaluationError, match=r"no target has its truth.*lot/a\.jpg -> lot/a\.png"):
        run.evaluate()


def test_only_unusable_truth_is_an_error(run: Run) -> None:
    run.add("a.jpg", "a", (1, 0, 10))
    run.add_truth("a.png", labels(shape=(3, 3)))
    with pytest.raises(EvaluationError, match=r"e\.g\. a\.jpg: .*3 x 3 pixels"):
        run.evaluate()


def test_only_failures_are_an_error(run: Run) -> None:
    run.rows.append(TargetRow("a.jpg", "a", "failed", reason="truncated"))
    with pytest.raises(EvaluationError, match="all 1 targets failed"):
        run.evaluate()


def test_a_missing_truth_folder_is_named(run: Run, tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="nowhere does not exist"):
        evaluate_rows([], run.output, tmp_path / "nowhere", {})


def test_a_project_without_a_run_is_an_error(run: Run, tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="run maskcast run first"):
        evaluate_output(ProjectFolder.open(tmp_path), run.truth)


def test_the_truth_is_bound_like_the_projects_pictures(run: Run, tmp_path: Path) -> None:
    run.add("a.jpg", "a", (1, 0, 10))
    run.add_truth("a.png", labels((1, 0, 10)))
    with Ledger.create(run.output / LEDGER_NAME, {"engine": "fake"}) as ledger:
        ledger.record(run.rows[0])
    pixels = HEIGHT * WIDTH
    flags = {"images": {"max_pixels": pixels}}
    assert evaluate_output(ProjectFolder.open(tmp_path, flags), run.truth).objects[1].iou == 1.0
    flags = {"images": {"max_pixels": pixels - 1}}
    with pytest.raises(EvaluationError, match=rf"the bound is {pixels - 1}; raise max_pixels"):
        evaluate_output(ProjectFolder.open(tmp_path, flags), run.truth)


def test_a_projects_names_are_used(run: Run, tmp_path: Path) -> None:
    tmp_path.joinpath("maskcast.toml").write_text('[[objects]]\nid = 1\nname = "dust"\n')
    run.add("a.jpg", "a", (1, 0, 10))
    run.add_truth("a.png", labels((1, 0, 5)))
    with Ledger.create(run.output / LEDGER_NAME, {"engine": "fake"}) as ledger:
        for row in run.rows:
            ledger.record(row)
    found = evaluate_output(ProjectFolder.open(tmp_path), run.truth)
    assert found.objects[1].name == "dust"
    assert found.objects[1].iou == 0.5


def test_255_beside_other_ids_is_not_counted(run: Run) -> None:
    run.add("a.jpg", "a", (1, 0, 14))
    run.add_truth("a.png", labels((1, 0, 10), (255, 10, 20)))  # 4 columns more, where nobody knows
    run.add("b.jpg", "b", (1, 0, 4))
    run.add_truth("b.png", labels((255, 0, 6)))  # alone, but the border in the other
    run.add("c.jpg", "c", (1, 0, 10))
    run.add_truth("c.png", labels((1, 0, 20)))

    found = run.evaluate()

    assert found.unknown_truth == ("a.jpg", "b.jpg")
    assert found.objects[1].iou == pytest.approx(20 / 30)
    assert found.objects[1].mean_iou == pytest.approx((1 + 0.5) / 2)
    assert (found.objects[1].presence.tn, found.objects[1].presence.fp) == (1, 0)
    assert "2 truths have unknown pixels, which are not counted: a.jpg, b.jpg" in found.remarks()


def annotated_truth(run: Run) -> Path:
    """Truths that were drawn in a labeler."""
    half, unknown = (labels((1, *columns)) > 0 for columns in ((0, 10), (8, 20)))
    painted = ObjectAnnotation(Prompts(paint=half), half)
    box = ObjectAnnotation(Prompts(box=np.array([0, 0, 4, 4], np.float32)))
    size = (HEIGHT, WIDTH)
    annotations = (
        Annotation("lot/a.jpg", *size, objects={1: painted}, unknown=StoredMask(unknown)),
        Annotation("b.jpg", *size, clean=True),
        Annotation("c.jpg", *size, objects={2: box}),
        Annotation("open.jpg", *size),
        Annotation("other.jpg", *size, clean=True),
    )
    path = run.truth / "annotations.json"
    write_annotations(path, AnnotationFile((), {known.image_id: known for known in annotations}))
    return path


def test_truths_may_be_annotations(run: Run) -> None:
    path = annotated_truth(run)
    run.add("lot/a.jpg", "lot/a", (1, 4, 14))
    run.add("b.jpg", "b", (1, 0, 2))
    for name in ("c", "open"):
        run.add(f"{name}.jpg", name)

    found = run.evaluate()  # in the folder

    assert found == evaluate_rows(iter(run.rows), run.output, path, {1: "particle"})
    assert found.targets == 2
    assert found.unknown_truth == ("lot/a.jpg",)
    # Known are the columns 0 to 7 of a, of which 4 to 7 were found; in b all is wrong.
    assert found.objects[1].iou == pytest.approx(4 / 10)
    assert found.missing_truth == ("open.jpg",)  # nobody said what is on it
    assert found.unmatched_truth == ("other.jpg",)
    assert found.unusable.keys() == {"c.jpg"}
    assert "object 2 of c.jpg" in found.unusable["c.jpg"]
    assert "has no mask yet; open it in a labeler" in found.unusable["c.jpg"]


def test_a_truth_that_is_no_annotation_file_is_refused(run: Run, tmp_path: Path) -> None:
    run.add("a.jpg", "a")
    (tmp_path / "truth.json").write_text("{}")
    with pytest.raises(AnnotationError):
        evaluate_rows(iter(run.rows), run.output, tmp_path / "truth.json", {})
    with pytest.raises(EvaluationError, match="folder of true label maps, or an annotations"):
        evaluate_rows(iter(run.rows), run.output, tmp_path / "nowhere", {})
