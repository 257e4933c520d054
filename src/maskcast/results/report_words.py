"""What a report says, in English and Korean, and how it looks."""

from __future__ import annotations

from typing import Final

from maskcast.languages import Wording

WORDS: Final[Wording] = {
    "title": ("Report", "보고서"),
    "engine": ("engine", "엔진"),
    "settings": ("settings of the engine", "엔진 설정"),
    "calibrated": ("calibrated on the references", "참조에서 보정"),
    "fingerprint": ("fingerprint", "지문"),
    "cuts": ("chosen after the run", "실행 뒤에 고른 것"),
    "cut_threshold": ("threshold", "임계값"),
    "cut_smallest": ("smallest part", "최소 조각"),
    "cut_holes": ("holes filled", "채운 구멍"),
    "cut_smooth": ("edge smoothed", "가장자리 다듬기"),
    "references": ("references", "참조"),
    "run": ("run", "실행"),
    "version": ("maskcast", "maskcast"),
    "written": ("written", "작성"),
    "done": ("done", "완료"),
    "empty": ("nothing found", "찾은 것 없음"),
    "failed": ("failed", "실패"),
    "objects": ("Objects", "물체"),
    "objects_about": (
        (
            "How often each object was found, and how good its masks are expected to be. The "
            "score is the expected IoU of a mask; it is likely right where an IoU of 0.5 or "
            "more is more likely than not."
        ),
        (
            "각 물체를 몇 번 찾았고 마스크가 얼마나 좋을지입니다. 점수는 마스크의 예상 "
            "IoU이며, IoU가 0.5 이상일 가능성이 더 클 때 맞을 것으로 봅니다."
        ),
    ),
    "object": ("object", "물체"),
    "found": ("found in", "찾은 이미지"),
    "likely_right": ("likely right", "맞을 것"),
    "mean_score": ("mean score", "평균 점수"),
    "median_area": ("median area", "면적 중앙값"),
    "folders": ("Folders", "폴더"),
    "folders_about": (
        "Targets of each folder by what was found on them.",
        "폴더별로 대상에서 무엇을 찾았는지입니다.",
    ),
    "folder": ("folder", "폴더"),
    "shown": ("with an object", "물체 있음"),
    "selftest": ("Self-test and results", "자가 시험과 결과"),
    "selftest_about": (
        (
            "Circle and bar: the IoU that references left out let expect. Diamond: the mean "
            "score of what was found. Cross: the true mean IoU, where it is known. A diamond left "
            "of its bar means that targets are harder than references."
        ),
        (
            "원과 막대: 빼 놓은 참조로 예상한 IoU. 마름모: 찾은 것의 평균 점수. 가위표: 참값이 "
            "있을 때의 실제 평균 IoU. 마름모가 막대 왼쪽에 있으면 대상이 참조보다 어렵다는 "
            "뜻입니다."
        ),
    ),
    "expected": ("expected IoU", "예상 IoU"),
    "found_left_out": ("found, left out", "빼 놓은 참조에서 찾음"),
    "false_alarms": ("false alarms", "잘못 찾음"),
    "found_targets": ("found in targets", "대상에서 찾음"),
    "true_iou": ("true mean IoU", "실제 평균 IoU"),
    "verdicts": ("Verdicts", "판정"),
    "verdicts_about": (
        "Defect or not, of whole targets, as in verdicts.csv. Undecided ones want a person.",
        "verdicts.csv에 있는 대상 전체의 결함 여부입니다. 미정은 사람이 확인해야 합니다.",
    ),
    "verdict_defect": ("defect", "결함"),
    "verdict_ok": ("ok", "정상"),
    "verdict_undecided": ("undecided", "미정"),
    "truth": ("in truth", "실제"),
    "truly_defective": ("defective", "결함 있음"),
    "truly_clean": ("clean", "결함 없음"),
    "defective_ok": ("defective called ok", "결함인데 정상 판정"),
    "clean_defect": ("clean called a defect", "정상인데 결함 판정"),
    "truth_known": ("Compared with the truth", "참값과 비교"),
    "truth_known_about": (
        (
            "Masks beside true masks. In the diagram, dots on the dotted line mean that the "
            "probability to be right holds; below it masks were trusted too much. Larger dots "
            "stand for more masks."
        ),
        (
            "마스크를 참값 마스크와 비교했습니다. 그림에서 점이 점선 위에 있으면 맞을 확률이 "
            "믿을 만하고, 점선 아래면 지나치게 믿은 것입니다. 점이 클수록 마스크가 많습니다."
        ),
    ),
    "mean_iou": ("mean IoU", "평균 IoU"),
    "pooled_iou": ("IoU of all pixels", "전체 픽셀 IoU"),
    "boundary_f": ("boundary F", "경계 F"),
    "precision": ("presence precision", "존재 정밀도"),
    "recall": ("presence recall", "존재 재현율"),
    "share_right": ("share that was right", "실제로 맞은 비율"),
    "compared": ("{count} targets have a truth.", "참값이 있는 대상 {count}장."),
    "errors": (
        (
            "The probability to be right was off by {calibration:.2f} in the mean (calibration "
            "error), the score by {score:.2f}."
        ),
        (
            "맞을 확률은 평균 {calibration:.2f} 빗나갔고(보정 오차), 점수는 {score:.2f} "
            "빗나갔습니다."
        ),
    ),
    "trend": ("Trend over file order", "파일 순서에 따른 추세"),
    "trend_about": (
        (
            "Targets in groups of equal size. A line that climbs or falls is drift: of the "
            "parts, the camera or the light."
        ),
        (
            "같은 크기로 묶은 대상입니다. 선이 오르거나 내리면 부품, 카메라 또는 조명이 변한 "
            "것입니다."
        ),
    ),
    "order": ("targets in file order", "파일 순서에 따른 대상"),
    "share_found": ("share with an object", "물체가 있는 비율"),
    "mean_right": ("mean probability to be right", "맞을 확률의 평균"),
    "details": ("Scores, sizes, positions", "점수, 크기, 위치"),
    "details_about": (
        (
            "Counts of targets. The map shows where on the picture the middles of boxes lie; "
            "brighter is more."
        ),
        (
            "대상의 개수입니다. 지도는 상자 중심이 이미지의 어디에 있는지 보여 주며 밝을수록 "
            "많습니다."
        ),
    ),
    "score": ("score", "점수"),
    "right": ("probability to be right", "맞을 확률"),
    "area": ("share of the picture", "이미지에서의 비율"),
    "place": ("where on the picture", "이미지에서의 위치"),
    "sheet": ("Pictures", "이미지"),
    "sheet_about": (
        (
            "Overlays of a few targets, the best and the worst by the probability that the least "
            "certain of their masks is right; the score stands after the object's name."
        ),
        (
            "대상 몇 개의 오버레이입니다. 가장 자신 없는 마스크가 맞을 확률로 좋은 것과 나쁜 것을 "
            "골랐으며, 물체 이름 뒤에 점수가 있습니다."
        ),
    ),
    "best": ("best", "가장 좋은 것"),
    "worst": ("worst", "가장 나쁜 것"),
    "doubtful": ("doubtful", "의심스러운 것"),
    "random": ("random", "무작위"),
}

STYLE: Final = """
body{font:15px/1.5 system-ui,'Noto Sans KR','Malgun Gothic',sans-serif;max-width:1000px;
margin:2rem auto;padding:0 1rem;color:#1a1a1a;background:#fff}
h1{margin:0 0 1rem}h2{margin:2.2rem 0 .2rem;border-bottom:2px solid #ddd}h3{margin:1rem 0 .3rem}
.about{color:#555;margin:.2rem 0 .8rem}
.cards{display:flex;flex-wrap:wrap;gap:.6rem;margin-bottom:1rem}
.cards .gap{flex-basis:1.2rem}
.card{border:1px solid #ccc;border-radius:8px;padding:.5rem 1rem}.card b{font-size:1.6rem}
table{border-collapse:collapse}td,th{padding:.2rem .8rem .2rem 0;text-align:left;
border-bottom:1px solid #eee;overflow-wrap:anywhere}
td:first-child{min-width:7em}th{overflow-wrap:normal;vertical-align:bottom}
.facts td:first-child{white-space:nowrap}
.figures :is(th,td):not(:first-child){text-align:right;font-variant-numeric:tabular-nums}
.plots{display:grid;grid-template-columns:repeat(4,1fr);gap:.5rem}figure{margin:0}
.plots svg{width:100%;height:auto}
svg{max-width:100%;height:auto}.square{max-width:340px;margin-top:.8rem}
.sheet{display:grid;grid-template-columns:repeat(3,1fr);gap:.6rem}
.sheet figure{break-inside:avoid}.sheet img{width:100%}
figcaption{font-size:12px;color:#444;overflow-wrap:anywhere}
@media (max-width:700px){.plots{grid-template-columns:1fr 1fr}}
@media print{body{margin:0;padding:0;max-width:none;font-size:12px}
h2,h3,.about{break-after:avoid}figure,svg,tr,table,.cards,.plots{break-inside:avoid}
.cards{gap:.4rem}.card{padding:.2rem .6rem}.card b{font-size:1.2rem}
.plots{grid-template-columns:repeat(4,1fr)}}
"""
