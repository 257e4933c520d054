"""The one reader of references: everybody sees the same bytes; what is gone is named."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import tifffile
from PIL import Image

import maskcast
import maskcast.project.references as references_module
from fake_engine import FakeEngine
from maskcast.engines.base import EngineSettings
from maskcast.errors import AnnotationError, ImageError, SettingsError
from maskcast.interchange.importing import ImportOptions, import_annotations
from maskcast.io.images import IntensityWindow
from maskcast.masks import RunLengths
from maskcast.project.annotations import (
    Annotation,
    AnnotationFile,
    ObjectAnnotation,
    StoredMask,
    read_annotations,
    write_annotations,
)
from maskcast.project.folder import ProjectFolder
from maskcast.project.references import LoadedReferences, ReferencePictures, load_references
from maskcast.project.store import AnnotationStore
from maskcast.results.result import read_results
from maskcast.types import Mask, Prompts, RgbImage
from maskcast.ui.edits import SetBox
from maskcast.ui.session import Session
from maskcast.ui.shown_references import ReferenceImages

SHAPE = (20, 30)
MASK = np.eye(*SHAPE, dtype=np.bool_)
BOX = Prompts(box=np.array([2, 3, 10, 12], np.float32))


def annotation(image_id: str, objects: Mapping[int, ObjectAnnotation] | None = None) -> Annotation:
    return Annotation(image_id, *SHAPE, clean=not objects, objects=objects or {})


def annotate(folder: Path, *annotations: Annotation) -> None:
    file = AnnotationFile((), {one.image_id: one for one in annotations})
    write_annotations(folder / "references" / "annotations.json", file)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "references").mkdir()
    for name in ("a.png", "b.png", "clean.png", "not annotated.png"):
        Image.new("RGB", (30, 20), (9, 8, 7)).save(tmp_path / "references" / name)
    return tmp_path


def load(folder: Path) -> LoadedReferences:
    return load_references(ProjectFolder.open(folder), FakeEngine(EngineSettings()))


# ---- what references teach


def test_masks_are_kept_prompts_are_segmented_and_the_rest_is_left_out(folder: Path) -> None:
    entries = {2: ObjectAnnotation(BOX), 1: ObjectAnnotation(BOX, MASK)}
    annotate(folder, annotation("b.png", entries), annotation("clean.png"))
    loaded = load(folder)
    assert [one.image_id for one in loaded.references] == ["b.png", "clean.png"]
    shown, clean = loaded.references
    assert clean.is_clean
    assert np.array_equal(shown.masks[1], MASK)
    filled = np.zeros(SHAPE, np.bool_)
    filled[3:12, 2:10] = True
    assert np.array_equal(shown.masks[2], filled)
    assert loaded.notes == ()


def test_unknown_pixels_reach_the_reference(folder: Path) -> None:
    entry = ObjectAnnotation(Prompts(), MASK)
    unknown = StoredMask(np.roll(MASK, 1))
    annotate(folder, Annotation("a.png", *SHAPE, objects={1: entry}, unknown=unknown))
    (loaded,) = load(folder).references
    assert loaded.unknown is not None
    assert np.array_equal(loaded.unknown, np.roll(MASK, 1))


def test_only_clean_references_teach_nothing(folder: Path) -> None:
    annotate(folder, annotation("clean.png"))
    with pytest.raises(AnnotationError, match=r"every reference in .* is clean"):
        load(folder)


def test_a_picture_that_changed_its_size_is_named(folder: Path) -> None:
    annotate(folder, annotation("a.png", {1: ObjectAnnotation(Prompts(), MASK)}))
    Image.new("RGB", (31, 20)).save(folder / "references" / "a.png")
    with pytest.raises(AnnotationError, match=r"a\.png is 31 x 20 pixels but was annotated as 30"):
        load(folder)


def test_a_mask_larger_than_its_picture_is_never_decoded(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = RunLengths.parse({"size": [20, 30_000_000], "counts": [600_000_000]})
    entry = ObjectAnnotation(Prompts(), StoredMask(code))
    annotate(folder, Annotation("a.png", code.height, code.width, objects={1: entry}))
    monkeypatch.setattr(RunLengths, "mask", lambda _: pytest.fail("was decoded"))
    with pytest.raises(AnnotationError, match="was annotated as 30000000 x 20"):
        load(folder)


def test_a_reference_whose_picture_is_gone_is_named_and_left_out(folder: Path) -> None:
    entry = ObjectAnnotation(Prompts(), MASK)
    (folder / "references" / "link.png").symlink_to(folder / "nowhere.png")
    annotate(
        folder,
        annotation("a.png", {1: entry}),
        annotation("gone.png", {2: entry}),
        annotation("link.png", {2: entry}),
        annotation("sub/gone clean.png"),
    )
    loaded = load(folder)
    assert [one.image_id for one in loaded.references] == ["a.png"]
    (note,) = loaded.notes
    assert note.startswith("gone.png, link.png, sub/gone clean.png: annotated, but the pictures")
    assert "maskcast references rename OLD NEW or maskcast references drop NAME" in note


def test_where_only_clean_references_are_left_the_gone_ones_are_named(folder: Path) -> None:
    annotate(
        folder,
        annotation("gone.png", {1: ObjectAnnotation(Prompts(), MASK)}),
        annotation("clean.png"),
    )
    with pytest.raises(AnnotationError, match=r"the pictures of gone\.png, annotated in .* gone"):
        load(folder)


def test_what_is_to_be_known_of_how_references_were_read_is_told_once(folder: Path) -> None:
    entry = ObjectAnnotation(Prompts(), MASK)
    for name in ("pages.tif", "more.tif"):
        samples = np.zeros((3, *SHAPE), np.uint8)
        tifffile.imwrite(folder / "references" / name, samples, photometric="minisblack")
    annotate(folder, *(annotation(name, {1: entry}) for name in ("a.png", "pages.tif", "more.tif")))
    (told,) = ReferencePictures(ProjectFolder.open(folder)).read("pages.tif").notes
    assert load(folder).notes == (f"more.tif, pages.tif: {told}",)


def test_a_damaged_picture_is_no_gone_one(folder: Path) -> None:
    annotate(folder, annotation("a.png", {1: ObjectAnnotation(Prompts(), MASK)}))
    (folder / "references" / "a.png").write_bytes(b"torn")
    with pytest.raises(ImageError, match=r"a\.png"):
        load(folder)


def test_a_missing_folder_and_missing_annotations_are_told(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(AnnotationError, match="no reference is annotated yet"):
        load(folder)
    project = ProjectFolder.open(tmp_path, {"paths": {"references": "nowhere"}})
    with pytest.raises(SettingsError, match=r"references folder .* does not exist"):
        load_references(project, FakeEngine(EngineSettings()))


# ---- how they look


class Witness(FakeEngine):
    """Keeps what it was shown."""

    seen: list[RgbImage]

    def segment(self, image: RgbImage, prompts: Mapping[int, Prompts]) -> dict[int, Mask]:
        self.seen.append(image)
        return super().segment(image, prompts)


RAMP = np.linspace(0, 1, 600).reshape(SHAPE)
DEPTHS: dict[str, npt.NDArray[np.generic]] = {
    "8 bits": (RAMP * 255).astype(np.uint8),
    "16 bits": (RAMP * 1000).astype(np.uint16),
    "floats": (RAMP * 1000 - 300).astype(np.float32),
}


@pytest.mark.parametrize("window", ["", "[images]\nwindow = [50, 700]\n"], ids=["measured", "set"])
@pytest.mark.parametrize("depth", DEPTHS)
def test_what_a_person_annotates_is_what_the_engine_sees(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, depth: str, window: str
) -> None:
    samples = DEPTHS[depth]
    for name in ("references/a.tif", "targets/a.tif"):
        (tmp_path / name).parent.mkdir()
        tifffile.imwrite(tmp_path / name, samples)
    if depth != "8 bits":  # never annotated, and much brighter
        tifffile.imwrite(tmp_path / "references" / "b.tif", samples * 60)
    (tmp_path / "maskcast.toml").write_text(f'engine = "fake"\n{window}')
    project = ProjectFolder.open(tmp_path)
    engine = Witness(EngineSettings())
    engine.seen = []
    monkeypatch.setattr(ProjectFolder, "create_engine", lambda _: engine)

    session = Session(AnnotationStore(project.annotations_path), ReferenceImages(project))
    session.open("a.tif")
    annotated = session.image
    session.apply(SetBox(2, 2, 12, 12))
    session.save()
    loaded = load_references(project, engine)
    (tmp_path / "boxes.xml").write_text(
        '<annotations><image name="a.tif"><box label="object 1" xtl="0" ytl="0" xbr="2" ybr="2"/>'
        '<box label="object 1" xtl="9" ytl="9" xbr="12" ybr="12"/></image></annotations>'
    )
    import_annotations(project, "cvat", tmp_path / "boxes.xml", ImportOptions(conflict="replace"))
    maskcast.Project.open(tmp_path).run()
    (result,) = read_results(project)

    if depth == "8 bits":
        assert (annotated == samples[..., None]).all()
    elif window:
        expected = np.rint((samples.astype(np.float64) - 50) * 255 / 650).clip(0, 255)
        assert (annotated == expected[..., None]).all()
    else:
        assert 3 < np.ptp(annotated) < 15  # a sixtieth of the whole, since b.tif has its say
    assert len(engine.seen) >= 3
    for image in (*engine.seen, loaded.references[0].image, result.image()):
        assert image.tobytes() == annotated.tobytes()


def deep(folder: Path, name: str, factor: float) -> None:
    values = (np.linspace(1000, 3000, 600) * factor).reshape(SHAPE).astype(np.uint16)
    tifffile.imwrite(folder / "references" / name, values)


def test_the_window_does_not_change_as_more_is_annotated(folder: Path) -> None:
    deep(folder, "dark.tif", 1)
    deep(folder, "bright.tif", 20)
    before = ReferencePictures(ProjectFolder.open(folder)).window()
    assert before is not None
    assert (before.low, before.high) == pytest.approx((1000, 60000), abs=100)
    entry = {1: ObjectAnnotation(Prompts(), MASK)}
    for annotated in (["dark.tif"], ["bright.tif", "dark.tif"]):
        annotate(folder, *(annotation(name, entry) for name in annotated))
        loaded = load(folder)
        assert loaded.window == before
        (note,) = loaded.notes
        assert f"{before.low:g} is black and {before.high:g} white" in note
        assert "[images] window" in note


def test_a_window_that_is_set_is_taken_without_a_look(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep(folder, "dark.tif", 1)
    annotate(folder, annotation("dark.tif", {1: ObjectAnnotation(Prompts(), MASK)}))
    monkeypatch.setattr(references_module, "measure_window", lambda *_: pytest.fail("was measured"))
    project = ProjectFolder.open(folder, {"images": {"window": (5, 6)}})
    loaded = load_references(project, FakeEngine(EngineSettings()))
    assert loaded.window == IntensityWindow(5, 6)
    assert loaded.notes == ()


def test_a_damaged_picture_has_no_say_in_the_window(folder: Path) -> None:
    deep(folder, "dark.tif", 1)
    (folder / "references" / "damaged.tif").write_bytes(b"II*\0")
    window = ReferencePictures(ProjectFolder.open(folder)).window()
    assert window is not None
    assert window.high == pytest.approx(3000, abs=10)


def test_another_deep_picture_changes_the_window_at_once(folder: Path) -> None:
    deep(folder, "dark.tif", 1)
    pictures = ReferencePictures(ProjectFolder.open(folder))
    kept = ReferenceImages(ProjectFolder.open(folder))
    before, seen = pictures.identity("dark.tif"), kept.load("dark.tif")
    Image.new("RGB", (30, 20)).save(folder / "references" / "photograph.png")
    assert pictures.identity("dark.tif") == before
    assert kept.load("dark.tif") is seen
    deep(folder, "bright.tif", 20)
    assert pictures.identity("dark.tif") != before
    assert np.array_equal(kept.load("dark.tif"), pictures.read("dark.tif").rgb)
    assert kept.load("dark.tif").max() < seen.max()


def test_of_thousands_of_pictures_few_are_measured(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured: list[list[str]] = []

    def measure(paths: list[Path], _: object) -> IntensityWindow:
        measured.append([path.name for path in paths])
        return IntensityWindow(0, 1)

    monkeypatch.setattr(references_module, "measure_window", measure)
    for number in range(70):
        (folder / "references" / f"{number:03}.tif").write_bytes(b"II*\0")
    pictures = ReferencePictures(ProjectFolder.open(folder))
    pictures.window()
    (folder / "references" / "070.tif").write_bytes(b"II*\0")
    pictures.window()
    first, second = measured
    assert len(first) == len(second) == 50
    assert first == sorted(first)
    assert len(set(first) ^ set(second)) <= 2


def test_annotations_name_no_file_outside_of_the_folder(folder: Path) -> None:
    annotate(folder, annotation("a.png", {1: ObjectAnnotation(Prompts(), MASK)}))
    Image.new("RGB", (30, 20)).save(folder / "secret.png")
    path = folder / "references" / "annotations.json"
    plain = path.read_text()
    for name in ("../secret.png", str(folder / "secret.png"), "./a.png", "sub/../a.png", "a//b"):
        path.write_text(plain.replace("a.png", name))
        with pytest.raises(AnnotationError, match="expected a path in the references folder"):
            read_annotations(path)
