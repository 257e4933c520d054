"""``audit``: a random sample that a person looks at says how many of the rest are right."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from maskcast.cli.options import (
    JsonOption,
    LedgerOption,
    OutputOption,
    ProjectArgument,
    path_flags,
    print_json,
    say,
)

if TYPE_CHECKING:
    from maskcast.project.folder import ProjectFolder
    from maskcast.review.audit_sample import Stratum


def audit(
    project: ProjectArgument = Path(),
    size: Annotated[
        int | None,
        typer.Option("--n", min=1, max=100_000, help="Draw a new sample of so many targets."),
    ] = None,
    strata: Annotated[
        str | None,
        typer.Option(help="Spread the sample evenly over score, object or score,object."),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Of the draw; a new one unless given.")
    ] = None,
    score_above: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            help="Draw from what nobody looked at and has at least this score; from what was "
            "accepted unseen unless given, or from all that nobody looked at.",
        ),
    ] = None,
    target_error: Annotated[
        float | None,
        typer.Option(
            min=0.0001,
            max=0.5,
            help="Share that may be wrong. Alone: propose a score. With --n: the sample may stop "
            "as soon as it is clear whether more are wrong.",
        ),
    ] = None,
    confidence: Annotated[
        float, typer.Option(min=0.5, max=0.9999, help="How sure the statement is to be.")
    ] = 0.95,
    who: Annotated[
        str | None, typer.Option("--who", help="Who draws; the name of this account unless given.")
    ] = None,
    output: OutputOption = None,
    ledger: LedgerOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say how many masks are right that nobody saw: draw a sample, or tell what it shows so far."""
    from maskcast.errors import ReviewError, SettingsError
    from maskcast.project.folder import ProjectFolder
    from maskcast.review.audit_words import told_audit
    from maskcast.review.auditing import draw_audit, read_audit
    from maskcast.review.reviewing import default_reviewer

    opened = ProjectFolder.open(project, {"paths": path_flags(None, None, output, ledger)})
    if size is None and (strata, seed, score_above) != (None, None, None):
        raise SettingsError("--strata, --seed and --score-above are of a new sample; add --n")
    if size is None and target_error is not None:
        _propose(opened, target_error, confidence, as_json)
        return
    if size is not None:
        state = draw_audit(
            opened,
            who or default_reviewer(),
            size=size,
            strata=_strata(strata),
            seed=seed,
            score_above=score_above,
            aim=target_error,
            confidence=confidence,
        )
    else:
        known = read_audit(opened)
        if known is None:
            raise ReviewError("no sample was drawn yet; draw one with maskcast audit --n 50")
        state = known
    sentences = told_audit(state)
    if as_json:
        print_json({**state.to_json(), "text": sentences})
        return
    for sentence in sentences:
        say(sentence)
    if state.left:
        say(
            "look at them in the Review tab of maskcast serve, or by maskcast review next --order "
            "audit and maskcast review accept, reject or undecided",
            err=True,
        )


def _propose(project: ProjectFolder, aim: float, confidence: float, as_json: bool) -> None:
    from maskcast.review.auditing import propose_score

    proposal = propose_score(project, aim, confidence)
    if as_json:
        print_json(vars(proposal))
        return
    score = f"{proposal.score:g}"
    say(
        f"{proposal.count:,} targets that nobody looked at have scores of at least {score}; by "
        f"what the scores promise {100 * proposal.expected:.1f} % of them are wrong"
    )
    if proposal.size is None:
        say(
            f"too few for a sample to show that fewer than {100 * aim:g} % are; look at all of them"
        )
        return
    say(
        f"a sample of {proposal.size} is likely to show that fewer than {100 * aim:g} % are: "
        f"maskcast audit --n {proposal.size} --score-above {score} --target-error {aim:g}, and if "
        f"it does: maskcast review accept --score-above {score}"
    )


def _strata(text: str | None) -> tuple[Stratum, ...]:
    from maskcast.errors import SettingsError
    from maskcast.review.audit_sample import STRATA

    known: dict[str, Stratum] = {name: name for name in STRATA}
    words = [] if text is None else [word.strip() for word in text.split(",")]
    unknown = [word for word in words if word not in known]
    if unknown:
        raise SettingsError(f"--strata: expected {' or '.join(STRATA)}, got {unknown[0]!r}")
    return tuple(known[word] for word in dict.fromkeys(words))
