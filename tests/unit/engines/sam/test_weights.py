"""Weights that are missing, gated, cut short or another family's: one sentence, one next step."""

from __future__ import annotations

import builtins
import json
import shutil
import socket
import zipfile
from importlib.machinery import ModuleSpec
from pathlib import Path

import huggingface_hub
import pytest
import torch
from huggingface_hub import constants, errors

from maskcast.engines import hub
from maskcast.engines.base import EngineSettings, create_engine
from maskcast.engines.catalog import pull
from maskcast.engines.sam import weights
from maskcast.engines.sam.families import EDGETAM, SAM2, SAM3
from maskcast.engines.sam.weights import locate
from maskcast.errors import EngineError, EngineMissingError, SettingsError
from sam_support import tiny_settings, tiny_weights


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An empty Hub cache, and a failure if anything is fetched unasked."""

    def refuse(*_: object) -> None:
        raise AssertionError("the network was used")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)


@pytest.fixture
def folder(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of SAM 2's tiny weights that a test may damage."""
    source = tiny_weights("sam2", tmp_path_factory.getbasetemp())
    return Path(shutil.copytree(source, tmp_path / "mine"))


def put_into_cache(folder: Path, hub: Path, repository: str) -> Path:
    """Lay weights out as the Hub's cache does."""
    cached = hub / f"models--{repository.replace('/', '--')}"
    (cached / "refs").mkdir(parents=True)
    (cached / "refs" / "main").write_text("abc123")
    shutil.copytree(folder, cached / "snapshots" / "abc123")
    return cached


def test_weights_that_are_not_here_say_how_to_get_them() -> None:
    with pytest.raises(
        EngineMissingError, match=r"run: maskcast engines pull sam2.1-tiny \(156 MB"
    ):
        create_engine("sam2", EngineSettings())
    with pytest.raises(EngineMissingError, match=r"engines pull sam2\.1-large"):
        locate("sam2.1-large", SAM2)


def test_gated_weights_say_how_to_be_let_in() -> None:
    with pytest.raises(
        EngineMissingError,
        match=r"request access at https://huggingface.co/facebook/sam3, run: hf auth login, then",
    ):
        locate(None, SAM3)


def test_offline_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(EngineMissingError, match="HF_HUB_OFFLINE is set: unset it"):
        locate(None, EDGETAM)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(EngineError, match=r"unset it and run again: maskcast engines pull sam3"):
        pull("sam3")


def test_a_downloaded_checkpoint_is_found_and_another_one_offered(
    folder: Path,
    tmp_path: Path,
) -> None:
    cached = put_into_cache(folder, tmp_path / "hub", "facebook/sam2.1-hiera-small")
    for given in ("sam2.1-small", "facebook/sam2.1-hiera-small", str(cached)):
        assert locate(given, SAM2).folder == cached / "snapshots" / "abc123"
    with pytest.raises(EngineMissingError, match=r"already here: --weights sam2\.1-small"):
        locate(None, SAM2)


def test_what_is_given_wrongly_is_told(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"no weights 'sam9': .* one of sam2.1-tiny"):
        locate("sam9", SAM2)
    with pytest.raises(EngineMissingError, match="run: maskcast engines pull somebody/else"):
        locate("somebody/else", SAM2)
    with pytest.raises(SettingsError, match="belong to the engine 'sam2'; use --engine sam2"):
        locate("sam2.1-tiny", SAM3)
    with pytest.raises(SettingsError, match=r"weights of 'sam2_video', .* use --engine sam2"):
        locate(str(folder), SAM3)
    with pytest.raises(EngineMissingError, match=r"holds no config.json"):
        locate(str(tmp_path), SAM2)
    with pytest.raises(SettingsError, match="there are no weights 'sam9' to pull"):
        pull("sam9")


def test_a_file_that_is_cut_short_is_told(folder: Path) -> None:
    path = folder / "model.safetensors"
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    expected = rf"cut short: expected {len(whole)} bytes, got {len(whole) - 1}; download it again"
    with pytest.raises(EngineError, match=expected):
        locate(str(folder), SAM2)
    path.write_bytes(whole[:4])
    with pytest.raises(EngineError, match="is not a safetensors file; download it again"):
        locate(str(path), SAM2)
    path.unlink()
    with pytest.raises(EngineMissingError, match=r"model.safetensors is missing"):
        locate(str(folder), SAM2)


def test_a_shard_that_is_missing_is_told(folder: Path) -> None:
    index = {"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    (folder / "model.safetensors").rename(folder / "model-1.safetensors")
    with pytest.raises(EngineMissingError, match=r"model-2.safetensors is missing"):
        locate(str(folder), SAM2)


def test_tensors_that_are_missing_are_told(folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    tensors = load_file(folder / "model.safetensors")
    del tensors["no_memory_embedding"]
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    engine = create_engine("sam2", EngineSettings(options={"weights": str(folder)}))
    with pytest.raises(EngineError, match=r"lacks 1 tensors .*no_memory_embedding"):
        engine._models.exact  # type: ignore[attr-defined]  # noqa: B018


def test_an_original_file_must_be_a_whole_sam3_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "models--facebook--sam3" / "snapshots" / "abc" / "sam3.pt"
    path.parent.mkdir(parents=True)
    torch.save({"model": {"weight": torch.ones(3)}}, path)
    assert locate(str(path), SAM3).original
    assert locate(str(path.parent), SAM3).original
    engine = create_engine("sam3", EngineSettings(options={"weights": str(path)}))
    with pytest.raises(EngineError, match=r"not SAM 3's; give the original sam3.pt"):
        engine._models.exact  # type: ignore[attr-defined]  # noqa: B018
    with pytest.raises(SettingsError, match="only sam3 also takes"):
        locate(str(path), SAM2)
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(EngineError, match="cut short or not a PyTorch checkpoint"):
        locate(str(path), SAM3)


class Malice:
    def __reduce__(self) -> tuple[object, ...]:
        return builtins.print, ("unpickled!",)


def test_code_in_a_checkpoint_is_never_run(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    torch.save({"tracker.x": Malice()}, tmp_path / "sam3.pt")
    engine = create_engine("sam3", EngineSettings(options={"weights": str(tmp_path)}))
    with pytest.raises(EngineError, match="cannot be read as a PyTorch checkpoint"):
        engine._models.exact  # type: ignore[attr-defined]  # noqa: B018
    assert "unpickled" not in capsys.readouterr().out


def test_the_digest_knows_the_weights_not_the_path(folder: Path, tmp_path: Path) -> None:
    first = locate(str(folder), SAM2).digest()
    moved = shutil.copytree(folder, tmp_path / "elsewhere")
    assert locate(str(moved), SAM2).digest() == first
    path = moved / "model.safetensors"
    changed = bytearray(path.read_bytes())
    changed[-1] ^= 1
    path.write_bytes(bytes(changed))
    assert locate(str(moved), SAM2).digest() != first


def test_the_digest_of_an_original_file_sees_every_tensor(tmp_path: Path) -> None:
    digests = set()
    for value in (1.0, 2.0):
        torch.save({"tracker.a": torch.zeros(50_000), "b": torch.tensor(value)}, tmp_path / "x.pt")
        assert zipfile.is_zipfile(tmp_path / "x.pt")
        digests.add(locate(str(tmp_path / "x.pt"), SAM3).digest())
    assert len(digests) == 2


def test_edgetam_s_own_encoder_asks_for_timm(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    backbone = {"backbone_config": {"model_type": "timm_wrapper"}}
    config = {"model_type": "edgetam_video", "vision_config": backbone}
    (tmp_path / "config.json").write_text(json.dumps(config))
    monkeypatch.setattr(weights, "find_spec", lambda name: None if name == "timm" else ModuleSpec)
    with pytest.raises(EngineMissingError, match="needs timm; run: pip install timm"):
        locate(str(tmp_path), EDGETAM)


def test_a_missing_extra_gives_the_pip_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "find_spec", lambda _: None)
    with pytest.raises(EngineMissingError, match=r"run: pip install 'maskcast\[sam\]'"):
        create_engine("edgetam", EngineSettings())


@pytest.fixture(
    params=[
        (errors.GatedRepoError.__new__(errors.GatedRepoError), "is gated: request access at"),
        (
            errors.RepositoryNotFoundError.__new__(errors.RepositoryNotFoundError),
            "shows no repository",
        ),
        (OSError(28, "No space left on device"), r"No space left.*what is there is kept"),
    ],
    ids=["gated", "unknown", "disk full"],
)
def refusal(
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> str:
    error, sentence = request.param

    def refuse(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(huggingface_hub, "snapshot_download", refuse)
    return str(sentence)


def test_a_download_that_is_refused_says_what_to_do(refusal: str) -> None:
    with pytest.raises(EngineError, match=refusal):
        pull("sam3")


def test_only_what_is_needed_is_downloaded(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, object] = {}

    def download(repository: str, **how: object) -> str:
        asked.update(how, repository=repository)
        return "/somewhere"

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    assert pull("sam2") == Path("/somewhere")
    assert asked["repository"] == "facebook/sam2.1-hiera-tiny"
    assert "sam3.pt" not in str(asked["allow_patterns"])


def test_unknown_and_wrong_options_are_told(tmp_path_factory: pytest.TempPathFactory) -> None:
    base = tmp_path_factory.getbasetemp()
    for options, sentence in (
        ({"beam": 1}, r"no option 'beam'; there are: weights, .*\[engines.sam2\]"),
        ({"dtype": "int4"}, r"\[engines.sam2\] dtype: .*got 'int4'"),
        ({"max_references": 0}, "max_references: .*greater than 0"),
        ({"augment_references": ["spin"]}, "augment_references"),
    ):
        with pytest.raises(SettingsError, match=sentence):
            create_engine("sam2", tiny_settings("sam2", base, **options))


def test_a_device_that_is_not_here_is_told(tmp_path_factory: pytest.TempPathFactory) -> None:
    options = tiny_settings("sam2", tmp_path_factory.getbasetemp()).options
    with pytest.raises(SettingsError, match="no device 'tpu7'; give auto"):
        create_engine("sam2", EngineSettings(device="tpu7", options=options))
    with pytest.raises(SettingsError, match="'cuda:99' is not available"):
        create_engine("sam2", EngineSettings(device="cuda:99", options=options))
