"""Every text of the Run tab, in English and Korean."""

from __future__ import annotations

from typing import Final

from maskcast.languages import Wording

RUN_TEXTS: Final[Wording] = {
    "run.targets": ("Targets", "대상"),
    "run.counted": ("{total} images in {folder}", "{folder}에 이미지 {total}장"),
    "run.drop": ("Drop images or a folder here, or", "이미지나 폴더를 여기에 놓거나"),
    "run.choose_files": ("Choose files", "파일 선택"),
    "run.choose_folder": ("Choose a folder", "폴더 선택"),
    "run.uploading": ("{done} of {total} added", "{total}개 중 {done}개 추가"),
    "run.uploading.renamed": ("{count} of them under another name", "다른 이름으로 {count}개"),
    "run.uploading.known": ("{count} already there", "이미 있음 {count}개"),
    "run.uploading.refused": ("{count} refused", "거절 {count}개"),
    "run.taken": (
        "{image} is there already, with another picture; this one was added as {by}.",
        "{image}은(는) 이미 다른 그림으로 있어 {by}(으)로 추가했습니다.",
    ),
    "run.replace": ("Replace {image}", "{image} 바꾸기"),
    "run.replaced": (
        "{image} was replaced; the picture from before is in the bin.",
        "{image}을(를) 바꾸었습니다. 이전 그림은 휴지통에 있습니다.",
    ),
    "run.checking": (
        "being checked, or waiting for it: {count}",
        "확인 중이거나 확인을 기다리는 이미지 {count}장",
    ),
    "run.settings": ("Settings", "설정"),
    "run.engine": ("Engine", "엔진"),
    "run.not_ready": ("not ready", "준비 안 됨"),
    "run.unready": (
        "Engines that are not ready ({count}), and what makes them ready",
        "준비되지 않은 엔진 {count}개와 준비하는 방법",
    ),
    "run.next_engine": (
        "The next step, {engine}: better masks, one download of {megabytes} MB; {step}",
        "다음 단계 {engine}: {megabytes} MB를 한 번 내려받으면 마스크가 더 좋아집니다. {step}",
    ),
    "run.weights": ("Weights", "가중치"),
    "run.own_weights": ("the engine's own choice", "엔진이 고름"),
    "run.automatic": (
        "Threshold calibrated on the references",
        "참조에서 보정한 임계값 사용",
    ),
    "run.as_project": (
        "Threshold of the project ({threshold})",
        "프로젝트의 임계값 사용 ({threshold})",
    ),
    "run.threshold": ("Threshold", "임계값"),
    "run.run": ("Run", "실행"),
    "run.start": ("Start", "시작"),
    "run.go_on": ("Go on", "이어서 실행"),
    "run.again": ("Try the failed ones again", "실패한 것 다시 시도"),
    "run.stop": ("Stop", "중지"),
    "run.afresh": (
        "Start afresh (the old output is moved aside, not deleted)",
        "처음부터 실행 (이전 결과는 지우지 않고 옆으로 옮김)",
    ),
    "run.done": ("Done", "완료"),
    "run.done_of": ("{done} of {total}", "{done} / {total}"),
    "run.empty": ("Of these empty", "그중 빈 것"),
    "run.failed": ("Failed", "실패"),
    "run.rate": ("Rate", "속도"),
    "run.left": ("Time left", "남은 시간"),
    "run.state_idle": ("not running", "실행 중 아님"),
    "run.state_finished": ("all done", "모두 완료"),
    "run.state_finished_but": ("finished, but {failed} failed", "끝남, {failed}장 실패"),
    "run.state_no_references": (
        "first annotate at least one reference",
        "먼저 참조 이미지에 주석을 하나 이상 다세요",
    ),
    "run.state_no_targets": ("first add the targets above", "먼저 위에서 대상을 추가하세요"),
    "run.to_annotate": ("Annotate references", "참조에 주석 달기"),
    "run.to_results": ("Look at the results", "결과 보기"),
    "run.stage_reading": ("reading the references", "참조를 읽는 중"),
    "run.stage_learning": (
        "{engine} learns from the references ({count})",
        "{engine} 엔진이 참조 {count}개에서 배우는 중",
    ),
    "run.stage_cutting": (
        "laying other thresholds over all results",
        "모든 결과에 새 임계값을 적용하는 중",
    ),
    "run.stage_masking": (
        "running; it goes on when this page is closed",
        "실행 중, 이 페이지를 닫아도 계속됩니다",
    ),
    "run.state_stopping": (
        "stopping: what is in flight is being finished",
        "중지하는 중: 진행 중인 것을 마무리합니다",
    ),
    "run.state_elsewhere": (
        "another program is running on this output",
        "다른 프로그램이 이 결과 폴더에서 실행 중입니다",
    ),
    "run.state_outdated": ("made from other references", "다른 참조로 만든 결과"),
    "run.since.one": (
        "1 reference changed since this run",
        "이 실행 뒤에 참조 1장이 바뀌었습니다",
    ),
    "run.since.several": (
        "{count} references changed since this run",
        "이 실행 뒤에 참조 {count}장이 바뀌었습니다",
    ),
    "run.since.added": ("{name} (new)", "{name} (추가됨)"),
    "run.since.removed": ("{name} (gone)", "{name} (없어짐)"),
    "run.since.more": ("{names} and {count} more", "{names} 외 {count}장"),
    "run.since.differs": (
        "These results were made with other settings",
        "이 결과는 다른 설정으로 만들어졌습니다",
    ),
    "run.since.meaning": (
        (
            "The results were made before that. Run again masks all targets anew, apart from "
            "those that somebody reviewed; what is there now is kept, and you see what changed."
        ),
        (
            "지금 결과는 바뀌기 전 것입니다. 다시 실행하면 검토한 대상 외에는 마스크를 모두 새로 "
            "만듭니다. 지금 결과도 남으며, 무엇이 달라졌는지 보여 줍니다."
        ),
    ),
    "run.since.halfway": (
        (
            "Running again is not finished, and the results are still those of before. Run again "
            "to go on with it."
        ),
        "다시 실행이 끝나지 않아 지금 결과는 아직 바뀌기 전 것입니다. 다시 실행하면 이어서 합니다.",
    ),
    "run.since.again": ("Run again", "다시 실행"),
    "run.selftest": (
        "Self-test: what to expect, told by references that were left out",
        "자가 시험: 참조를 빼 놓고 미루어 본 결과",
    ),
    "run.renewed.nothing": (
        "Beside the earlier results: no target changed.",
        "이전 결과와 비교: 달라진 대상이 없습니다.",
    ),
    "run.renewed.some": (
        "Beside the earlier results: {targets} targets changed.",
        "이전 결과와 비교: 대상 {targets}장이 달라졌습니다.",
    ),
    "run.renewed.some_empty": (
        "Beside the earlier results: {targets} targets changed, {empty} of them newly empty.",
        "이전 결과와 비교: 대상 {targets}장이 달라졌고 그중 {empty}장이 새로 비었습니다.",
    ),
    "run.renewed.show": ("Show what changed", "달라진 것 보기"),
    "run.renewed.hide": ("Hide what changed", "달라진 것 숨기기"),
    "run.renewed.back": ("Go back to the earlier results", "이전 결과로 돌아가기"),
    "run.renewed.was": ("{name}, before", "{name}, 이전"),
    "run.renewed.is": ("{name}, now", "{name}, 지금"),
    "run.renewed.empty": ("newly empty", "새로 빔"),
    "run.renewed.pixels": ("+{gained} / -{lost} px", "+{gained} / -{lost}픽셀"),
}
