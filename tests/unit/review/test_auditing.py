"""Audits: how a sample is drawn, what answers it, and what it says."""

from __future__ import annotations

import shutil
import sqlite3
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

import maskcast
from finished import finished_project
from formats_support import mask_of
from maskcast.errors import ReviewError
from maskcast.results.report import render_report
from maskcast.review.audit_log import AuditLog
from maskcast.review.audit_sample import Candidate, draw_sample
from maskcast.review.audit_words import told_audit
from maskcast.review.auditing import AuditState, draw_audit, propose_score, read_audit
from maskcast.review.reviewing import above, decide, take_back
from maskcast.review.signing import review_sections
from maskcast.runs.ledger import Ledger

DOT = mask_of("........", ".#......", "........", "........", "........", "........")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = {f"{n:02}.png": ({} if n >= 20 else {1 + n % 2: DOT}) for n in range(22)}
    root = tmp_path_factory.mktemp("made") / "p"
    finished_project(root, found, {1: 0.9, 2: 0.6})
    return root


@pytest.fixture
def project(made: Path, tmp_path: Path) -> maskcast.Project:
    shutil.copytree(made, tmp_path / "p")
    return maskcast.Project.open(tmp_path / "p")


def known(project: maskcast.Project) -> AuditState:
    state = read_audit(project)
    assert state is not None
    return state


def candidates(count: int) -> list[Candidate]:
    return [Candidate(f"{n}", n / count, (1 + n % 3,), None) for n in range(count)]


def test_every_target_is_drawn_equally_often() -> None:
    drawn = Counter(
        each.image_id
        for seed in range(3000)
        for each in draw_sample(candidates(7), 3, seed, ("score",))
    )
    assert len(drawn) == 7
    assert max(abs(drawn[name] - 9000 / 7) for name in drawn) < 4 * np.sqrt(9000 / 7)


def test_a_sample_is_spread_over_scores_and_objects() -> None:
    by_score = draw_sample(candidates(90), 9, 0, ("score",))
    assert sorted(int(10 * each.trust * 0.9) for each in by_score) == list(range(9))
    by_object = draw_sample(candidates(90), 9, 0, ("object",))
    assert Counter(each.objects for each in by_object) == {(1,): 3, (2,): 3, (3,): 3}
    assert draw_sample(candidates(90), 9, 0, ("score",)) == by_score
    assert draw_sample(candidates(90), 9, 1, ("score",)) != by_score


def test_each_block_of_a_sample_that_may_stop_is_spread_over_all() -> None:
    drawn = draw_sample(candidates(100), 25, 0, ("score",), blocks=True)
    assert len(drawn) == 30
    for start in range(0, 30, 10):
        assert sorted(int(10 * each.trust) for each in drawn[start : start + 10]) == list(range(10))


def test_an_audit_of_what_was_accepted_unseen(project: maskcast.Project) -> None:
    decide(project, above(project, 0.8), "accepted", "ann", seen=False)
    state = draw_audit(project, "ann", size=5, seed=3)
    assert (state.audit.plan.covered, state.audit.plan.population) == ("accepted unseen", 10)
    assert state.statement is None
    assert len(state.left) == 5
    first, *others = state.left
    decide(project, [first], "undecided", "bob")
    decide(project, others[:-1], "accepted", "bob")
    assert known(project).left == others[-1:]
    decide(project, others[-1:], "accepted", "bob", seen=False)
    assert known(project).left == others[-1:]  # nobody looked
    decide(project, others[-1:], "accepted", "cyd")
    done = known(project)
    assert done.statement is not None
    assert (done.statement.right, done.statement.count) == (4, 5)
    text = " ".join(told_audit(done))
    # Clopper and Pearson, 4 of 5: 0.2836 to 0.9949; next to all, 1 - 0.025 / 5
    assert "of the 10 targets accepted unseen between 28.3 % and 99.5 % are right" in text
    assert "4 of 5 were right that bob, cyd looked at" in text
    assert "맞습니다" in " ".join(told_audit(done, "ko"))
    take_back(project, "cyd")
    assert known(project).statement is None


def test_all_of_them_looked_at_is_no_sample(project: maskcast.Project) -> None:
    state = draw_audit(project, "ann", size=50)
    assert (state.audit.plan.covered, len(state.left)) == ("unseen", 22)
    decide(project, state.left, "accepted", "ann")
    decide(project, ["20.png"], "rejected", "ann")  # nothing was found, and nothing is there
    decide(project, ["00.png"], "rejected", "ann")
    found = known(project).statement
    assert found is not None
    assert found.bounds.low == found.bounds.high == 21 / 22
    assert "all were looked at" in told_audit(known(project))[0]


def test_a_sample_may_stop_when_it_is_clear(project: maskcast.Project) -> None:
    state = draw_audit(project, "ann", size=200, aim=0.4, score_above=0.5, seed=0)
    assert len(state.audit.sample) == 200
    assert state.audit.plan.population == 20
    decide(project, state.left, "accepted", "ann")
    done = known(project)
    assert done.statement is not None
    assert done.statement.is_proven
    assert done.statement.count < 30
    assert done.left == []
    assert "fewer than 40 % are wrong" in told_audit(done)[1]


def test_what_is_said_of_other_results_is_no_answer(project: maskcast.Project) -> None:
    state = draw_audit(project, "ann", size=2)
    with Ledger.open(project.ledger_path) as ledger:
        ledger._connection.execute("UPDATE meta SET value = 'ffff0000' WHERE key = 'run'")
    for path in project.output_folder.glob("*.json"):
        path.write_text(path.read_text().replace(state.audit.run, "ffff0000"))
    decide(project, state.left, "accepted", "ann")
    assert (known(project).answers, known(project).left) == ({}, [])
    assert "draw a new sample" in " ".join(told_audit(known(project)))


def test_a_score_is_proposed_above_which_few_are_expected_wrong(
    project: maskcast.Project,
) -> None:
    proposal = propose_score(project, 0.21)
    assert (proposal.count, len(above(project, proposal.score))) == (10, 10)
    assert proposal.expected == pytest.approx(0.1)
    assert proposal.size is None
    with pytest.raises(ReviewError, match="at no score"):
        propose_score(project, 0.1)


def test_samples_are_kept_and_the_last_one_counts(project: maskcast.Project) -> None:
    assert read_audit(project) is None
    draw_audit(project, "ann", size=3, seed=1, strata=("object", "score"))
    second = draw_audit(project, "ann", size=4, seed=2)
    assert known(project).audit == second.audit
    assert second.audit.number == 2
    with pytest.raises(sqlite3.DatabaseError, match="only ever added"):
        sqlite3.connect(project.review_folder / "audits.db").execute("DELETE FROM drawn")
    log = AuditLog.read(project.review_folder)
    assert log is not None
    log.close()


def test_nothing_to_audit_is_said(project: maskcast.Project) -> None:
    with pytest.raises(ReviewError, match="nothing to audit"):
        draw_audit(project, "ann", size=3, score_above=0.95)


def test_the_report_has_the_statement_with_sample_names_and_time(
    project: maskcast.Project,
) -> None:
    assert review_sections(project) == []
    state = draw_audit(project, "ann", size=3, seed=5)
    decide(project, state.left, "accepted", "bob & co")
    page = render_report(project, sections=review_sections(project))
    assert "of the 22 targets that nobody looked at between 29.2 % and 100 % are right" in page
    assert "3 targets were accepted, 0 corrected" in page
    for drawn in state.audit.sample:
        assert f"<td>{drawn.image_id}</td><td>yes</td><td>bob &amp; co</td><td>20" in page
    assert "seed 5" in page
    assert "감사 1" in render_report(project, "ko", sections=review_sections(project, "ko"))
