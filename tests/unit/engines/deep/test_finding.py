"""Which encoder is meant, where it is, and what is said when it is not here."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from deep_support import tiny_encoder
from maskcast.engines.base import EngineSettings
from maskcast.engines.deep.engine import DeepEngine
from maskcast.engines.deep.weights import find
from maskcast.engines.sam.families import EDGETAM
from maskcast.errors import EngineError, EngineMissingError, MaskcastError, SettingsError
from sam_support import tiny_weights


@pytest.fixture(autouse=True)
def empty_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))


def test_missing_weights_say_the_line_that_gets_them() -> None:
    with pytest.raises(EngineMissingError, match=r"maskcast engines pull dinov2-small \(88 MB\)"):
        find(None)


def test_gated_weights_say_where_to_ask() -> None:
    with pytest.raises(EngineMissingError, match=r"request access at .*dinov3.* hf auth login"):
        find("dinov3-small")


def test_a_folder_is_read(tmp_path: Path) -> None:
    folder = tiny_encoder(tmp_path)
    found = find(str(folder))
    assert (found.files.folder, found.family) == (folder, None)
    assert find(str(folder / "model.safetensors")).files.digest() == found.files.digest()


def test_weights_of_a_tracker_lend_their_image_encoder(tmp_path: Path) -> None:
    assert find(str(tiny_weights("edgetam", tmp_path))).family is EDGETAM


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("nothing/there", "not on this machine; run: maskcast engines pull nothing/there"),
        ("no such thing", "give --weights one of dinov2-small"),
    ],
)
def test_names_that_lead_nowhere(name: str, sentence: str) -> None:
    with pytest.raises(MaskcastError, match=sentence):
        find(name)


def test_models_of_another_kind_are_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert"}))
    with pytest.raises(SettingsError, match="weights of 'bert'"):
        find(str(tmp_path))


def test_a_file_that_is_cut_short_is_told(tmp_path: Path) -> None:
    path = tiny_encoder(tmp_path) / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(EngineError, match="cut short"):
        find(str(path.parent))


def test_options_are_checked(tmp_path: Path) -> None:
    options = {"weights": str(tiny_encoder(tmp_path)), "wieghts": 1}
    with pytest.raises(SettingsError, match=r"'wieghts'.*\[engines.deep\]"):
        DeepEngine(EngineSettings(options=options))
