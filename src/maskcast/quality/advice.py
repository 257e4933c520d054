"""What a self-test says to a person, in English and Korean."""

from __future__ import annotations

from typing import Final

from maskcast.languages import Language, Wording, spoken

_SENTENCES: Final[Wording] = {
    "object": ("object {number}", "물체 {number}"),
    "expect": (
        (
            "{name}: expect an IoU of {low:.2f} to {high:.2f} (found in {found} of {shown} "
            "references left out)"
        ),
        "{name}: 예상 IoU {low:.2f}~{high:.2f} (빼 놓은 참조 {shown}장 중 {found}장에서 찾음)",
    ),
    "weak": (
        (
            "one reference alone tells little: its halves were left out in turn; annotate two "
            "more, and this becomes a test"
        ),
        (
            "참조 한 장으로는 알 수 있는 것이 적습니다. 반쪽씩 빼 놓고 시험했을 뿐이니 두 장 더 "
            "주석하면 제대로 된 시험이 됩니다"
        ),
    ),
    "views": (
        (
            "one reference alone tells little: altered views of it were masked, so targets will "
            "hardly be better than this; annotate two more, and this becomes a test"
        ),
        (
            "참조 한 장으로는 알 수 있는 것이 적습니다. 그 참조를 변형한 이미지로 시험했으니 "
            "대상에서 이보다 좋기는 어렵습니다. 두 장 더 주석하면 제대로 된 시험이 됩니다"
        ),
    ),
    "disagrees": (
        (
            "{image} disagrees with the others (IoU {value:.2f}, theirs {others:.2f}): look at its "
            "annotation, or add more references like it"
        ),
        (
            "{image}: 다른 참조와 맞지 않습니다(IoU {value:.2f}, 나머지 {others:.2f}). 주석을 "
            "확인하거나 비슷한 참조를 더 추가하세요"
        ),
    ),
    "harms": (
        "{image} harms the others (IoU {gain:+.2f}): look at its annotation",
        "{image}: 다른 참조의 결과를 나쁘게 합니다(IoU {gain:+.2f}). 주석을 확인하세요",
    ),
    "alarms": (
        (
            "{name} was seen in {alarms} of {total} references without it; mark more clean "
            "pictures that look like those"
        ),
        (
            "{name}: 없는 참조 {total}장 중 {alarms}장에서 잘못 찾았습니다. 그와 비슷한 깨끗한 "
            "이미지를 더 표시하세요"
        ),
    ),
    "clean": (
        "mark one clean picture, so that {name} is not seen where nothing is",
        "깨끗한 이미지를 한 장 표시하면 아무것도 없는 곳에서 {name}을(를) 찾는 일이 줄어듭니다",
    ),
    "more": (
        "{name}: the largest gain is likely from two more references like {image}",
        "{name}: {image} 같은 참조를 두 장 더 추가하면 가장 크게 좋아질 것입니다",
    ),
    "pictures": (
        "annotation beside prediction: {folder}",
        "주석과 예측을 나란히 놓은 그림: {folder}",
    ),
    "so_far": (
        " (so far each reference gained the others {gain:.2f} IoU)",
        " (지금까지 참조 한 장이 다른 참조의 IoU를 {gain:.2f} 올렸습니다)",
    ),
}


def told(key: str, lang: Language = "en", **values: object) -> str:
    """A sentence with its values, without a full stop."""
    return spoken(_SENTENCES, key, lang, **values)
