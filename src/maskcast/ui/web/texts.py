"""Every text of the web labeler, in English and Korean."""

from __future__ import annotations

from typing import Final

import gradio as gr

from maskcast.errors import SettingsError
from maskcast.languages import LANGUAGES, Wording
from maskcast.ui.controls import Where, controls_of
from maskcast.ui.web.run_texts import RUN_TEXTS

_HELP_KO: Final = {
    "box": "물체를 감싸는 상자",
    "adjust": "상자 조정",
    "plus": "물체 위의 점",
    "beside": "물체가 아닌 곳의 점",
    "minus": "물체가 아닌 곳의 점, 다시 상자",
    "delete": "가장 가까운 점, 상자, 획 지우기",
    "clear": "이 물체 모두 지우기",
    "brush": "브러시, 다시 상자",
    "eraser": "지우개, 다시 상자",
    "paint": "칠하기, 지우개는 지우기",
    "erase": "지우기, 지우개는 칠하기",
    "radius": "브러시 크기",
    "unknown": "알 수 없는 곳 칠하기, 다시 물체",
    "choose": "물체 선택",
    "next_object": "다음 물체",
    "pages": "16보다 큰 번호의 물체",
    "clean": "이 이미지에는 아무것도 없음",
    "rename": "물체 이름 짓기",
    "recolor": "물체 색 고르기",
    "suggest": "다른 참조에 표시한 것을 찾아 채우기",
    "undo": "실행 취소",
    "redo": "다시 실행",
    "zoom": "확대와 축소",
    "fit": "그림 전체",
    "move": "그림 옮기기",
    "space": "그림 옮기기",
    "pan": "그림 끌어 옮기기, 다시 그리기",
    "part": "볼 곳을 사각형으로 끌기, 다시 그리기",
    "hide": "마스크와 점, 상자 숨기기, 다시 보이기",
    "images": "이전, 다음 이미지",
    "remove": "이 이미지를 휴지통으로",
    "put_back": "마지막으로 버린 이미지 되돌리기",
    "try": "목표 여섯 장에 시험해 보기",
    "help": "이 단축키",
    "cancel": "취소, 다시 상자",
    "canvas": "그림으로 이동",
    "cursor": "커서 이동",
    "fine": "한 픽셀씩",
    "enter": "물체 위의 점",
    "shift_enter": "물체가 아닌 곳의 점",
    "corner": "상자의 첫째, 둘째 모서리",
    "large_images": "이전, 다음 목표",
    "large_zoom": "확대와 축소",
    "large_fit": "그림 전체",
    "large_hide": "찾은 것 숨기기, 다시 보이기. 누르고 있는 동안",
    "large_flip": "원본, 또는 찾은 것",
    "large_close": "목록으로 돌아가기",
}
"""Line of the help in ``controls.py`` -> Korean; the English is there."""

_HOW_KO: Final = {
    "drag": "끌기",
    "drag a handle": "모서리나 변 끌기",
    "left click": "클릭",
    "right click": "오른쪽 클릭",
    "middle click": "가운데 클릭",
    "right drag": "오른쪽으로 끌기",
    "middle drag": "가운데로 끌기",
    "wheel": "휠",
    "Ctrl+wheel": "Ctrl+휠",
    "Space+drag": "스페이스+끌기",
    "arrow keys": "화살표",
    "Shift+arrow keys": "Shift+화살표",
    "Space": "스페이스",
}
"""What is done to mouse or keys -> Korean; what is not here is the same in both."""


def _control_texts() -> dict[str, tuple[str, str]]:
    """The help of the Annotate tab."""
    controls = controls_of(Where.BROWSER)
    lines = {
        f"annotate.help.{control.name}": (control.does, _HELP_KO[control.name])
        for control in controls
    }
    how = {
        f"annotate.how.{words}": (words, _HOW_KO.get(words, words))
        for control in controls
        for words in control.how
    }
    return lines | how


_TEXTS: Final[Wording] = {
    **_control_texts(),
    "tab.annotate": ("Annotate", "주석"),
    "tab.run": ("Run", "실행"),
    "tab.results": ("Results", "결과"),
    "tab.review": ("Review", "검토"),
    "annotate.tools": ("Tools", "도구"),
    "annotate.suggest": ("Suggest", "제안"),
    "annotate.suggest.long": (
        "Fill in from the other references",
        "다른 참조에 표시한 것을 찾아 채우기",
    ),
    "annotate.try": ("Try on 6 targets", "목표 6장에 시험"),
    "annotate.try.short": ("Try", "시험"),
    "annotate.try.again": ("Try again", "다시 시험"),
    "annotate.try.live": ("after each change", "바뀔 때마다"),
    "annotate.try.nothing": (
        "Annotate an object first.",
        "먼저 물체를 하나 표시하세요.",
    ),
    "annotate.try.no_targets": (
        "There are no targets yet. Upload some on the Run tab.",
        "아직 목표 이미지가 없습니다. 실행 탭에서 올리세요.",
    ),
    "annotate.try.choosing": ("choosing targets", "목표 고르는 중"),
    "annotate.try.learning": ("learning", "배우는 중"),
    "annotate.try.masking": ("masking {done} of {of}", "{of}장 중 {done}장 마스크 만드는 중"),
    "annotate.try.done": ("as annotated now", "지금 표시한 대로"),
    "annotate.try.stale": ("changed since", "그 뒤 바뀜"),
    "annotate.try.rough": (
        "Learned roughly, to be quick; a run does better.",
        "빠르게 대강 배웠습니다. 실행하면 더 정확합니다.",
    ),
    "annotate.try.empty": ("nothing found", "찾은 것 없음"),
    "annotate.try.choose": ("Target to try", "시험할 목표 이름"),
    "annotate.try.keep": ("always try this one", "이 목표는 항상 시험"),
    "annotate.layers": ("What is drawn", "그릴 것"),
    "annotate.layers.outline": ("Outline", "윤곽"),
    "annotate.layers.fill": ("Fill", "채우기"),
    "annotate.layers.prompts": ("Boxes and points", "상자와 점"),
    "annotate.layers.labels": ("Labels", "이름표"),
    "annotate.layers.opacity": ("Opacity", "불투명도"),
    "annotate.tool.group": ("Tool", "도구 선택"),
    "annotate.tool.box": (
        "Box and points",
        "상자와 점",
    ),
    "annotate.tool.minus": ("Click beside the object", "배경 점 찍기"),
    "annotate.tool.brush": ("Brush", "브러시"),
    "annotate.tool.eraser": ("Eraser", "지우개"),
    "annotate.tool.delete": ("Delete a point, the box or a stroke", "점, 상자, 획 지우기"),
    "annotate.tool.pan": ("Move the picture", "그림 옮기기"),
    "annotate.hint.box": (
        "Drag a box, click the object, right-click beside it",
        "상자는 끌기, 물체는 클릭, 배경은 오른쪽 클릭",
    ),
    "annotate.tool.zoom": ("Look at a part", "일부 보기"),
    "annotate.hint.minus": ("Click where the object is not", "물체가 아닌 곳을 클릭하세요"),
    "annotate.hint.brush": ("Paint; the right button erases", "칠하기, 오른쪽 버튼은 지우기"),
    "annotate.hint.eraser": ("Erase; the right button paints", "지우기, 오른쪽 버튼은 칠하기"),
    "annotate.hint.delete": ("Click on what shall go", "지울 것을 클릭하세요"),
    "annotate.hint.pan": ("Drag the picture", "그림을 끌어 옮기세요"),
    "annotate.hint.zoom": ("Drag a rectangle to look at", "볼 곳을 사각형으로 끄세요"),
    "annotate.size": ("Brush size", "브러시 크기"),
    "annotate.history.group": ("Changes", "변경"),
    "annotate.undo": ("Undo", "실행 취소"),
    "annotate.redo": ("Redo", "다시 실행"),
    "annotate.clear": ("Clear this object", "이 물체 모두 지우기"),
    "annotate.zoom.group": ("Zoom", "확대"),
    "annotate.zoom.in": ("Zoom in", "확대"),
    "annotate.zoom.out": ("Zoom out", "축소"),
    "annotate.zoom.fit": ("Fit the picture", "화면에 맞추기"),
    "annotate.clean": ("Clean", "이상 없음"),
    "annotate.clean.asks": (
        "Nothing on this image? That takes {prompts} boxes and points of {objects} objects away.",
        "이 이미지에 아무것도 없나요? 물체 {objects}개와 상자, 점 {prompts}개가 지워집니다.",
    ),
    "annotate.clean.took": (
        "Clean: {objects} objects with {prompts} boxes and points went; Ctrl+Z brings them back.",
        "이상 없음: 물체 {objects}개와 상자, 점 {prompts}개가 지워졌습니다. Ctrl+Z로 되돌립니다.",
    ),
    "annotate.upload.known": ("Already there: {names}.", "이미 있음: {names}."),
    "annotate.clean.long": (
        "Clean: nothing is on this image",
        "이상 없음: 이 이미지에는 아무것도 없습니다",
    ),
    "annotate.bin.remove": ("Remove this reference", "이 참조 이미지 제거"),
    "annotate.bin.remove.short": ("Remove", "제거"),
    "annotate.bin.removed": (
        "{image} is in the bin, with what was annotated on it.",
        "{image}은(는) 주석과 함께 휴지통에 있습니다.",
    ),
    "annotate.bin.undo": ("Put it back", "되돌리기"),
    "annotate.bin.empty": ("No reference is in the bin.", "휴지통에 참조 이미지가 없습니다."),
    "annotate.bin.taken": (
        "{image} is there already, with another picture; this one was added as {by}.",
        "{image}은(는) 이미 다른 그림으로 있어 {by}(으)로 추가했습니다.",
    ),
    "annotate.bin.replace": ("Replace {image}", "{image} 바꾸기"),
    "annotate.unknown": ("Unknown", "알 수 없음"),
    "annotate.unknown.long": (
        "Unknown: paint pixels that count neither as object nor as background",
        "알 수 없음: 물체로도 배경으로도 세지 않을 픽셀 칠하기",
    ),
    "annotate.hint.unknown": (
        "Paint what you cannot decide on; the right button erases, U ends it",
        "판단할 수 없는 곳 칠하기, 오른쪽 버튼은 지우기, U로 끝내기",
    ),
    "annotate.help": ("Keys", "단축키"),
    "annotate.close": ("Close", "닫기"),
    "annotate.canvas": ("Picture {image}", "그림 {image}"),
    "annotate.canvas.help": (
        (
            "Arrow keys move the cursor, Enter clicks on the object, Shift and Enter beside it, "
            "the space bar sets the corners of a box"
        ),
        "화살표는 커서 이동, Enter는 물체, Shift+Enter는 배경, 스페이스는 상자의 모서리",
    ),
    "annotate.empty.title": ("No references yet", "참조 이미지가 없습니다"),
    "annotate.empty.add": (
        "Drop a few pictures here that show what you are looking for.",
        "찾으려는 것이 보이는 그림 몇 장을 여기에 놓으세요.",
    ),
    "annotate.empty.draw": (
        "Draw a box round it or click on it: its mask appears.",
        "상자로 감싸거나 클릭하면 마스크가 나타납니다.",
    ),
    "annotate.empty.run": (
        "On the tab Run, add all the pictures to be masked and start.",
        "실행 탭에서 마스크를 만들 그림을 모두 추가하고 시작하세요.",
    ),
    "annotate.add": ("Add images", "이미지 추가"),
    "annotate.add.long": ("Add reference images", "참조 이미지 추가"),
    "annotate.drop": ("Drop to add references", "놓으면 참조 이미지로 추가됩니다"),
    "annotate.objects": ("Objects", "물체"),
    "annotate.object": ("object {id}", "물체 {id}"),
    "annotate.object.color": ("Colour of the object", "물체 색"),
    "annotate.object.name": ("Name of the object", "물체 이름"),
    "annotate.object.fixed": (
        "Name and colour are set in maskcast.toml",
        "이름과 색은 maskcast.toml에 정해져 있습니다",
    ),
    "annotate.slot": ("{id} {name}, in {count} references", "{id} {name}, 참조 {count}장"),
    "annotate.slot.here": (
        "{id} {name}, in {count} references, also in this one",
        "{id} {name}, 참조 {count}장, 이 이미지에도 있음",
    ),
    "annotate.slots.more": ("+ add an object", "+ 물체 추가"),
    "annotate.references": ("References", "참조 이미지"),
    "annotate.frame.clean": ("clean", "이상 없음"),
    "annotate.frame.none": ("not annotated", "주석 없음"),
    "annotate.saved": ("Saved", "저장됨"),
    "annotate.working": ("Working", "처리 중"),
    "annotate.offline": ("No connection", "연결 끊김"),
    "annotate.uploading": ("Uploading {done} of {all}", "올리는 중 {done}/{all}"),
    "annotate.uploaded": ("References added: {count}", "참조 이미지 {count}장을 추가했습니다"),
    "annotate.upload.failed": (
        "{name} could not be uploaded: {reason}",
        "{name} 올리기 실패: {reason}",
    ),
    "annotate.conflict": (
        (
            "Somebody else changed this image meanwhile. Theirs is shown now; undo (Ctrl+Z) brings "
            "yours back."
        ),
        (
            "다른 사람이 그동안 이 이미지를 바꾸었습니다. 지금은 그 내용이 보이며, "
            "실행 취소(Ctrl+Z)하면 내 작업이 돌아옵니다."
        ),
    ),
    "annotate.help.title": ("Keys and mouse", "단축키와 마우스"),
    "annotate.group.prompts": ("Box and points", "상자와 점"),
    "annotate.group.brush": ("Brush", "브러시"),
    "annotate.group.objects": ("Objects and changes", "물체와 변경"),
    "annotate.group.view": ("View", "보기"),
    "annotate.group.large": ("Large view of Results", "결과 크게 보기"),
    "annotate.group.keyboard": ("With the keyboard only", "키보드만으로"),
    "shared.broken": (
        "This page could not start; load it again.",
        "페이지를 시작하지 못했습니다. 다시 불러오세요.",
    ),
    "shared.unreachable": (
        "the server does not answer; is maskcast serve still running?",
        "서버가 응답하지 않습니다. maskcast serve가 실행 중인지 확인하세요.",
    ),
    "shared.tone": ("Brightness, contrast and gamma (view only)", "밝기, 대비, 감마 (보기만)"),
    "shared.tone.brightness": ("Brightness", "밝기"),
    "shared.tone.contrast": ("Contrast", "대비"),
    "shared.tone.gamma": ("Gamma", "감마"),
    "shared.tone.plain": ("As it is", "원래대로"),
    **RUN_TEXTS,
    "review.order": ("Order", "순서"),
    "review.useful": ("most useful first", "도움이 큰 것부터"),
    "review.doubt": ("most doubtful first", "의심스러운 것부터"),
    "review.name": ("by name", "이름순"),
    "review.audit": ("audit: a sample, blind", "감사: 표본을 점수 없이"),
    "review.no_audit": (
        "No sample is drawn. maskcast audit --n 50 draws one.",
        "뽑은 표본이 없습니다. maskcast audit --n 50으로 뽑으세요.",
    ),
    "review.blind": (
        "Accept it only if all is right and nothing is missing.",
        "모두 맞고 빠진 것이 없을 때만 맞다고 하세요.",
    ),
    "review.who": ("You are", "검토자"),
    "review.left": ("{left} left, {done} reviewed", "{left}장 남음, {done}장 검토함"),
    "review.pace": ("{pace} a minute", "분당 {pace}장"),
    "review.in_minutes": ("about {value} min left", "약 {value}분 남음"),
    "review.in_hours": ("about {value} h left", "약 {value}시간 남음"),
    "review.none_left": (
        "Nothing waits for a decision. Run targets first, or start an update.",
        "결정을 기다리는 대상이 없습니다. 먼저 실행하거나 업데이트를 시작하세요.",
    ),
    "review.to_run": ("Go to Run", "실행으로 가기"),
    "review.overlay": ("Overlay", "오버레이"),
    "review.fade": ("how much of the overlay shows", "오버레이를 얼마나 보일지"),
    "review.farther": ("zoom out", "축소"),
    "review.closer": ("zoom in", "확대"),
    "review.fit": ("Fit", "맞춤"),
    "review.accept": ("Accept", "맞음"),
    "review.reject": ("Nothing here", "아무것도 없음"),
    "review.fix": ("Fix", "고치기"),
    "review.fix.how": (
        "Click to add or take away a piece, drag a box for another thing, brush and eraser",
        "클릭하면 조각을 더하거나 빼고, 상자를 끌면 다른 것을 더합니다. 브러시와 지우개도 있습니다",
    ),
    "review.fix.save": ("Save", "저장"),
    "review.fix.cancel": ("Cancel", "취소"),
    "review.unsure": ("Undecided", "모르겠음"),
    "review.previous": ("Previous", "이전"),
    "review.skip": ("Skip", "건너뛰기"),
    "review.undo": ("Take back", "되돌리기"),
    "review.not_there": ("not there", "없음"),
    "review.is_empty": ("nothing found", "찾은 것 없음"),
    "review.is_accepted": ("accepted", "맞다고 함"),
    "review.is_corrected": ("corrected", "고침"),
    "review.is_rejected": ("rejected", "없다고 함"),
    "review.is_undecided": ("undecided", "모르겠음"),
    "review.update": ("Update: let corrections teach", "업데이트: 고친 것을 가르치기"),
    "review.about_update": (
        "{teach} corrected or rejected targets teach, {left} are done again; nothing is lost.",
        "고치거나 없다고 한 대상 {teach}장이 참조가 되고 {left}장을 다시 합니다.",
    ),
    "results.show": ("Show", "보기"),
    "results.all": ("all", "모두"),
    "results.found": ("with objects", "물체 있음"),
    "results.empty": ("empty", "빈 것"),
    "results.failed": ("failed", "실패"),
    "results.object": ("Object", "물체"),
    "results.any": ("any", "전체"),
    "results.score": ("Score", "점수"),
    "results.low": ("lowest score", "최저 점수"),
    "results.high": ("highest score", "최고 점수"),
    "results.order": ("Order", "순서"),
    "results.by_name": ("by name", "이름순"),
    "results.by_worst": ("lowest score first", "낮은 점수부터"),
    "results.by_best": ("highest score first", "높은 점수부터"),
    "results.part": ("what to download", "내려받을 것"),
    "results.everything": ("everything", "전부"),
    "results.folders": ("folders of the results", "결과 폴더"),
    "results.formats": ("formats of other tools", "다른 도구의 형식"),
    "results.download": ("Download ZIP", "ZIP 내려받기"),
    "results.report": ("Report", "보고서"),
    "results.pages": ("pages", "쪽"),
    "results.previous": ("previous page", "이전 쪽"),
    "results.next": ("next page", "다음 쪽"),
    "results.where": ("{first}-{last} of {total}", "{total}개 중 {first}-{last}"),
    "results.none_yet": (
        "No results yet. They appear here as soon as a run has some.",
        "아직 결과가 없습니다. 실행하면 나오는 대로 여기에 나타납니다.",
    ),
    "results.to_run": ("Go to Run", "실행으로 가기"),
    "results.page": ("page", "쪽"),
    "results.page_of": ("of {pages}", "/ {pages}"),
    "results.none_match": ("Nothing matches.", "맞는 것이 없습니다."),
    "results.reset": ("Show all results again", "모든 결과 다시 보기"),
    "results.is_failed": ("failed", "실패"),
    "results.is_empty": ("nothing found", "찾은 것 없음"),
    "results.before": ("previous image", "이전 이미지"),
    "results.after": ("next image", "다음 이미지"),
    "results.farther": ("zoom out", "축소"),
    "results.fit": ("Fit", "맞춤"),
    "results.closer": ("zoom in", "확대"),
    "results.remove": ("Remove target", "대상 제거"),
    "results.put_back": ("Put target back", "대상 되돌리기"),
    "results.is_removed": ("removed", "제거됨"),
    "results.is_binned": (
        "This target is in the bin; its result is kept. Put it back whenever you like.",
        "이 대상은 휴지통에 있고 결과는 남아 있습니다. 언제든지 되돌릴 수 있습니다.",
    ),
    "results.close": ("close", "닫기"),
    "results.original": ("Original", "원본"),
    "results.overlay": ("Masks", "마스크"),
    "results.wipe": ("original or masks", "원본 또는 마스크"),
    "results.right_sure": (
        "very likely right ({percent} %)",
        "거의 확실히 맞음 ({percent} %)",
    ),
    "results.right_likely": ("likely right ({percent} %)", "맞을 가능성 높음 ({percent} %)"),
    "results.right_doubtful": ("doubtful ({percent} %)", "의심스러움 ({percent} %)"),
    "results.right_unlikely": ("likely wrong ({percent} %)", "틀렸을 가능성 높음 ({percent} %)"),
    "results.area": ("{area} px", "{area}픽셀"),
    "results.thresholds": ("Thresholds", "임계값"),
    "results.cut.threshold": ("threshold of {name}", "{name} 임계값"),
    "results.cut.calibrated": ("{value}, calibrated", "{value}, 보정값"),
    "results.cut.smallest": ("Smallest part", "최소 조각"),
    "results.cut.smallest.long": ("pixels of the smallest part", "가장 작은 조각의 픽셀 수"),
    "results.cut.holes": ("Fill holes", "구멍 채우기"),
    "results.cut.holes.long": (
        "pixels of the largest hole that is filled",
        "채울 구멍의 최대 픽셀 수",
    ),
    "results.cut.smooth": ("Smooth", "다듬기"),
    "results.cut.smooth.long": (
        "pixels over which the edge is smoothed",
        "가장자리를 다듬는 픽셀 수",
    ),
    "results.cut.here": ("here {area} px, {parts} parts", "여기 {area}픽셀, {parts}조각"),
    "results.cut.note": (
        (
            "Bars: pixels over {kept} targets; the white line is what was calibrated. Applied, it "
            "makes new results beside these; reviewed targets stay as they are."
        ),
        (
            "막대는 대상 {kept}장의 픽셀 수, 흰 선은 보정값입니다. 적용하면 지금 결과를 남겨 둔 채 "
            "새 결과를 만들며, 검토한 대상은 그대로 둡니다."
        ),
    ),
    "results.cut.apply": ("Apply to all targets", "모든 대상에 적용"),
    "results.cut.back": ("Back to calibrated", "보정값으로"),
    "results.cut.busy": ("a run is in progress; stop it first", "실행 중입니다. 먼저 중지하세요"),
    "results.parts": ("{parts} parts", "{parts}조각"),
    "results.looks": ("what is drawn", "그릴 것"),
    "results.outline": ("Outline", "윤곽"),
    "results.fill": ("Fill", "채우기"),
    "results.boxes": ("Boxes", "상자"),
    "results.labels": ("Labels", "이름표"),
    "results.opacity": ("Opacity", "불투명도"),
    "results.hold": ("V hides all while held", "V를 누르고 있으면 모두 숨김"),
    "results.shown": ("show {name}", "{name} 보이기"),
}


class Texts:
    """The texts of one server, in one language or in each browser's own."""

    def __init__(self, lang: str | None = None) -> None:
        """Speak ``lang`` (``en``, ``ko``), or what each browser asks for if None.

        Raises:
            SettingsError: if there are no texts in ``lang``.
        """
        if lang is not None and lang not in LANGUAGES:
            raise SettingsError(
                f"there are no texts in {lang!r}; give --lang one of: {', '.join(LANGUAGES)}"
            )
        self.lang = lang

    def __getitem__(self, key: str) -> str:
        """For a label of a Gradio component; a browser without a fixed language translates it."""
        if self.lang is None:
            return str(gr.I18n()(key))
        return _TEXTS[key][LANGUAGES.index(self.lang)]

    def i18n(self) -> gr.I18n:
        """For ``launch``: what browsers translate with."""
        return gr.I18n(**self.tables())

    def tables(self, *prefixes: str) -> dict[str, dict[str, str]]:
        """Language -> key -> text, of the keys that begin so; without any, all."""
        return {
            language: {
                key: both[place] for key, both in _TEXTS.items() if key.startswith(prefixes or "")
            }
            for place, language in enumerate(LANGUAGES)
        }
