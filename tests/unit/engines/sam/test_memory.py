"""The bank's rows, which of them an object looks at, and the bank's file."""

from __future__ import annotations

import resource
import signal
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from maskcast.engines.sam.memory import SamMemory, bank_path, by_count, load_memory, save_memory

FAMILY = '{"family": "sam2"}'
# object 7 in references 0, 1, 2, object 9 in reference 1; references 3 and 4 are clean
MEMORY = SamMemory(
    FAMILY,
    torch.tensor([7, 7, 9, 7, 0, 0]),
    torch.tensor([0, 1, 1, 2, 3, 4]),
    torch.arange(24.0).reshape(6, 2, 2).bfloat16(),
    torch.arange(18.0).reshape(6, 3),
    torch.tensor([[1.0, 0], [0.6, 0.8], [0, 1], [-1, 0], [0, -1]]),
)
LIKE_THE_FIRST = torch.tensor([1.0, 0.1])


@pytest.mark.parametrize(
    ("object_id", "most", "descriptor", "expected"),
    [
        (7, None, None, (0, 1, 3, 4, 5)),
        (9, None, None, (2, 4)),  # never more that show nothing than show the object
        (7, 1, LIKE_THE_FIRST, (0, 5)),
        (7, 2, LIKE_THE_FIRST, (0, 1, 4, 5)),
        (7, 1, torch.tensor([-1.0, 0.9]), (3, 4)),
        (9, 5, LIKE_THE_FIRST, (2, 5)),
    ],
)
def test_which_entries_an_object_looks_at(
    object_id: int,
    most: int | None,
    descriptor: torch.Tensor | None,
    expected: tuple[int, ...],
) -> None:
    assert MEMORY.entries_of(object_id, most, descriptor) == expected


def test_objects_with_as_many_entries_go_together() -> None:
    assert by_count([(0, 1), (2,), (3, 4), (5,), (6, 7, 8)]) == {1: [1, 3], 2: [0, 2], 3: [4]}


def test_a_kept_bank_comes_back_exactly(tmp_path: Path) -> None:
    save_memory(tmp_path / "new", "f1", MEMORY)
    loaded = load_memory(tmp_path / "new", "f1", FAMILY)
    assert loaded is not None
    for name, value in vars(MEMORY).items():
        if isinstance(value, torch.Tensor):
            assert torch.equal(getattr(loaded, name), value)
            assert getattr(loaded, name).dtype == value.dtype
    assert [file.name for file in (tmp_path / "new").iterdir()] == ["f1.safetensors"]


def test_a_bank_is_not_trusted_without_its_fingerprint_and_family(tmp_path: Path) -> None:
    save_memory(tmp_path, "f1", MEMORY)
    assert load_memory(tmp_path, "f2", FAMILY) is None
    assert load_memory(tmp_path, "f1", "another") is None
    bank_path(tmp_path, "f1").rename(bank_path(tmp_path, "f2"))
    assert load_memory(tmp_path, "f2", FAMILY) is None


def test_a_damaged_bank_is_made_again(tmp_path: Path) -> None:
    save_memory(tmp_path, "f1", MEMORY)
    path = bank_path(tmp_path, "f1")
    path.write_bytes(path.read_bytes()[:100])
    assert load_memory(tmp_path, "f1", FAMILY) is None


def test_the_oldest_banks_are_forgotten(tmp_path: Path) -> None:
    for number in range(35):
        save_memory(tmp_path, f"f{number:02}", replace(MEMORY, family=str(number)))
    assert len(list(tmp_path.iterdir())) == 32
    assert load_memory(tmp_path, "f34", "34") is not None


def test_a_folder_that_cannot_be_written_is_a_note(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("in the way")
    save_memory(tmp_path / "file", "f1", MEMORY)
    assert load_memory(tmp_path / "file", "f1", FAMILY) is None
    assert "is not kept for the next run" in caplog.text


def test_a_full_disk_is_a_note_and_leaves_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Played by the system, which lets no file grow beyond 100 bytes for a moment."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
    try:
        save_memory(tmp_path, "f1", MEMORY)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
    assert list(tmp_path.iterdir()) == []
    (told,) = caplog.messages
    assert "is not kept for the next run" in told
    assert "bank_cache in maskcast.toml" in told
