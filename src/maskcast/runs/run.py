"""One run over a project: check what is there, memorize, take every pending target through.

A run never deletes or overwrites results: it goes on with what the ledger does not hold yet,
refuses if references, options or engine changed, and moves the old output aside when told to start
afresh, once it is known that the new run can start.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path

from maskcast.engines.base import Engine, Probabilistic
from maskcast.engines.large import LargeEngine, Tiles
from maskcast.errors import FingerprintError, SettingsError
from maskcast.io.atomic import remove_stale_temporaries
from maskcast.io.images import IntensityWindow
from maskcast.io.printable import counted
from maskcast.io.storage import Url
from maskcast.project.annotations import AnnotationFile, encode_annotations, read_annotations
from maskcast.project.folder import TAUGHT_NAME, ProjectFolder
from maskcast.project.references import load_references
from maskcast.runs.aside import move_aside
from maskcast.runs.comparing import TargetList
from maskcast.runs.copies import LedgerCopies
from maskcast.runs.crumbs import smallest_areas
from maskcast.runs.cuts import Cuts
from maskcast.runs.executor import Executor, LocalExecutor, Masker, Recipe
from maskcast.runs.fingerprint import CUTS, Fingerprint, describe_changes, run_fingerprint
from maskcast.runs.identity import (
    check_identity,
    check_no_ledger_is_missing,
    put_file,
    put_identity,
)
from maskcast.runs.kept_planes import FOLDER as PLANES_FOLDER
from maskcast.runs.kept_planes import PlaneKeeper, read_cuts
from maskcast.runs.ledger import Ledger, holds_ledger, new_run_id
from maskcast.runs.lock import LOCK_NAME, RunLock
from maskcast.runs.looks import looked_alike_in_0_1
from maskcast.runs.missing import ResultCheck
from maskcast.runs.outputs import PARTS
from maskcast.runs.passing import MakeReady, Pass
from maskcast.runs.pending import PendingTargets
from maskcast.runs.premises import check_output
from maskcast.runs.recorder import Recorder
from maskcast.runs.redoing import chosen_targets
from maskcast.runs.redrawing import Redrawing
from maskcast.runs.reference_tiles import cut_references
from maskcast.runs.remarks import remarks_before
from maskcast.runs.shards import FOLDER, ShardPlan, reconcile
from maskcast.runs.sinks import sink_for
from maskcast.runs.stages import RunStage
from maskcast.runs.summary import RunObserver, RunSummary
from maskcast.runs.swapping import finish_swap
from maskcast.runs.tile_sizes import tiles_of, told_of
from maskcast.runs.work import FileWork
from maskcast.types import ObjectSpec, Reference


def run_project(
    project: ProjectFolder,
    observer: RunObserver,
    *,
    limit: int | None = None,
    fresh: bool = False,
    redo: Collection[str] = (),
    redo_failed: bool = False,
    stop: threading.Event | None = None,
    executor: Executor | None = None,
    shard_size: int | None = None,
    renewal: Renewal | None = None,
    selftest: bool = True,
) -> RunSummary:
    """Mask every target of ``project`` that its ledger does not hold yet.

    Args:
        project: what to run.
        observer: is told how it goes.
        limit: at most so many targets this time.
        fresh: move existing output and ledger aside, once nothing can keep the run from starting.
        redo: do only these targets, done or not; image ids or names of results.
        redo_failed: do only targets that failed, and those of ``redo``.
        stop: set it to finish what is in flight and return.
        executor: where to compute; None = threads of this process.
        shard_size: pack the results of so many targets into one file each; None = folders.
        renewal: what is there before the first target, of an update; None = nothing.
        selftest: tell first how good it will be, once for the same references.

    Raises:
        SettingsError, AnnotationError, ImageError, EngineError: if the run cannot start.
        FingerprintError: if the output belongs to other references, options or engine.
        IdentityError: if output and ledger belong to different runs.
        RunLockedError: if another run is writing to the output or the ledger.
        StorageError: if the disk is full or not writable; what is done stays done.
    """
    if fresh and (redo or redo_failed):
        raise SettingsError("--fresh does all targets again; leave --redo and --redo-failed out")
    finish_swap(project)
    check_output(project, fresh=fresh)
    engine = project.create_engine()
    try:
        with RunLock(project) as lock:
            executor = executor or LocalExecutor()
            renewal = renewal or Renewal(_taught(project, fresh=fresh))
            cuts = Cuts({}) if fresh else read_cuts(project.output_place)
            setup = _Setup.of(project, engine, executor, shard_size, observer, renewal, cuts)
            opened = setup.begun_afresh(lock) if fresh else setup.gone_on_with()
            with opened as begun:
                chosen = chosen_targets(project, begun.ledger, redo, failed=redo_failed)
                return setup.run(begun, limit, chosen, stop or threading.Event(), selftest=selftest)
    finally:
        engine.close()


class Renewal:
    """What the results of a run begin from, beside the references.

    Attributes:
        taught: annotations of targets that are references.
        doubt: image id -> how soon a target is done, the largest first; empty = as listed.
        generation: of the results, from 1.
    """

    def __init__(
        self,
        taught: AnnotationFile,
        doubt: Mapping[str, float] | None = None,
        generation: int = 1,
    ) -> None:
        self.taught = taught
        self.doubt = doubt or {}
        self.generation = generation

    def carry_over(self, ledger: Ledger) -> None:
        """Put results into the output that are not made anew, and record them."""

    def is_taught_in(self, project: ProjectFolder) -> bool:
        """Whether the output of a project began from the same annotations."""
        return read_annotations(project.output_place / TAUGHT_NAME) == self.taught


def _taught(project: ProjectFolder, *, fresh: bool) -> AnnotationFile:
    """What the results were taught that are there; a new run is taught what the last update was."""
    if holds_ledger(project.ledger_path) and not fresh:
        return read_annotations(project.output_place / TAUGHT_NAME)
    return read_annotations(project.review_folder / TAUGHT_NAME)


@dataclass(frozen=True)
class _Begun:
    """A run whose ledger is open.

    Attributes:
        ledger: open to be written to.
        make_ready: gets ready to mask.
        seconds: that getting ready has taken already.
        copies: of the ledger, of an output in a store.
    """

    ledger: Ledger
    make_ready: MakeReady
    seconds: float = 0.0
    copies: LedgerCopies | None = None


@dataclass(frozen=True)
class _Setup:
    """What a run is made of, known before its ledger is opened."""

    project: ProjectFolder
    engine: Engine
    executor: Executor
    references: tuple[Reference, ...]
    window: IntensityWindow | None
    specs: Mapping[int, ObjectSpec]
    shard_size: int | None
    observer: RunObserver
    renewal: Renewal
    cuts: Cuts

    @classmethod
    def of(
        cls,
        project: ProjectFolder,
        engine: Engine,
        executor: Executor,
        shard_size: int | None,
        observer: RunObserver,
        renewal: Renewal,
        cuts: Cuts,
    ) -> _Setup:
        """Read references and objects."""
        loaded = load_references(project, engine, renewal.taught)
        for note in loaded.notes:
            observer.note(note)
        references, window = loaded.references, loaded.window
        shown = {key for reference in references for key in reference.masks}
        specs = {key: spec for key, spec in project.object_specs(shown).items() if key in shown}
        plan = (shard_size, observer, renewal, cuts)
        return cls(project, engine, executor, references, window, specs, *plan)

    @contextmanager
    def begun_afresh(self, lock: RunLock) -> Iterator[_Begun]:
        """A new ledger; what was there is moved aside once the run is ready to mask."""
        next(self.project.stream_targets().groups(), None)  # raises where there is nothing
        run_id, began = new_run_id(), time.monotonic()
        with self._made_ready(run_id, None) as masker:
            seconds = time.monotonic() - began
            if (told := move_aside(self.project, lock)) is not None:
                self.observer.note(told)
            with self._created(run_id) as ledger:
                yield _Begun(ledger, lambda _: nullcontext(masker), seconds)

    @contextmanager
    def gone_on_with(self) -> Iterator[_Begun]:
        """The ledger that is there, brought up to date and checked, or a new one."""
        output, path = self.project.output_place, self.project.ledger_path
        copies = LedgerCopies.of(self.project, output) if isinstance(output, Url) else None
        if copies is not None:
            copies.fetch()
        if not holds_ledger(path):
            check_no_ledger_is_missing(output, path)
            opened = self._created(new_run_id())
        else:
            opened = self._checked(Ledger.open(path))
        with opened as ledger:
            self.renewal.carry_over(ledger)
            make_ready = partial(self._made_ready, ledger.run_id)
            yield _Begun(ledger, make_ready, copies=copies)

    def run(
        self,
        begun: _Begun,
        limit: int | None,
        chosen: frozenset[str] | None,
        stop: threading.Event,
        *,
        selftest: bool,
    ) -> RunSummary:
        """Take the pending targets, or the chosen ones, through."""
        project, output, ledger = self.project, self.project.output_place, begun.ledger
        if isinstance(output, Path):
            remove_stale_temporaries(
                [output / part for part in (*PARTS, FOLDER, PLANES_FOLDER)], owner=ledger.run_id
            )
        if self.shard_size is not None and (forgotten := reconcile(output, ledger)):
            self.observer.note(
                f"shards are gone; done again: {counted(forgotten, 'target')} of theirs"
            )
        for told in remarks_before(project, self.references, self.specs.values()):
            self.observer.note(told)
        with Ledger.read(ledger.path) as known:
            self._draw_again(ledger, known, stop)
            listed = TargetList(project.stream_targets(), project.targets_place, known)
            results = ResultCheck(output, known) if self.shard_size is None else None
            targets = PendingTargets(listed, results, chosen, self.renewal.doubt)
            names = {key: spec.name for key, spec in self.specs.items()} if selftest else None
            this = Pass(self.engine.info, targets, ledger, self.observer, stop, begun.copies, names)
            summary = this.run(begun.make_ready, limit, output)
        if self.shard_size is not None:
            reconcile(output, ledger)
        return replace(summary, seconds=summary.seconds + begun.seconds)

    def _draw_again(self, ledger: Ledger, known: Ledger, stop: threading.Event) -> None:
        """Let what is done show the names and colours of today."""
        recipe = self._recipe(ledger.run_id)
        if looked_alike_in_0_1(ledger.fingerprint, self.specs):
            ledger.take_look(recipe.work.look)
        if not (count := known.count_of_other_look(recipe.work.look)):
            return
        self.observer.stage(RunStage("drawing"))
        project = self.project
        places = project.targets_place, project.output_place
        redrawing = Redrawing(*places, recipe.work, recipe.shards, project.workers)
        output = project.output_place
        with Recorder(ledger, lambda _: None, output=output, are_redrawn=True) as recorder:
            redrawing.run(known, stop, recorder.record)
        drawn = count - known.count_of_other_look(recipe.work.look)
        self.observer.note(f"names or colours changed; drawn again: {counted(drawn, 'result')}")

    @contextmanager
    def _created(self, run_id: str) -> Iterator[Ledger]:
        output, taught = self.project.output_place, self.renewal.taught
        facts = self._fingerprint(), run_id, self.renewal.generation
        if taught.annotations:
            put_file(output / TAUGHT_NAME, encode_annotations(taught), run_id)
        with Ledger.create(self.project.ledger_path, *facts) as ledger:
            put_identity(output, run_id)
            yield ledger

    @contextmanager
    def _checked(self, opened: Ledger) -> Iterator[Ledger]:
        output = self.project.output_place
        with opened as ledger:
            carries_it = check_identity(output, ledger)
            changes = describe_changes(ledger.fingerprint, self._fingerprint())
            if changes:
                raise FingerprintError(
                    f"{output} holds results of other settings ({'; '.join(changes)}); undo the "
                    "change, give another --output, or start again with --fresh, which moves the "
                    "old output aside",
                    changes,
                )
            if not carries_it:
                put_identity(output, ledger.run_id)
            yield ledger

    @contextmanager
    def _made_ready(self, run_id: str, expected: int | None) -> Iterator[Masker]:
        name = self.engine.info.name
        tiles = self._tiles
        if tiles is not None and self.project.settings.tiles.side == "auto":
            self.observer.note(told_of(tiles, self.engine, self.references))
        recipe = self._recipe(run_id)
        self.observer.stage(RunStage("learning", len(recipe.references), name))
        keeper = self._keeper(run_id)
        recipe = replace(recipe, work=replace(recipe.work, keeper=keeper))
        with self.executor.ready(recipe, self.engine, self.observer.note, expected) as masker:
            yield masker
        if keeper is not None and keeper.left_out:
            self.observer.note(
                f"probabilities of {counted(keeper.left_out, 'target')} are not kept: there is no "
                "more room for them within --keep-probabilities"
            )

    def _keeper(self, run_id: str) -> PlaneKeeper | None:
        """Who keeps probability planes, and cuts by them; None if nobody asks for them."""
        bound, output = self.project.settings.keep_probabilities or 0, self.project.output_place
        if self.cuts and self._tiles is not None:
            raise SettingsError(
                "this output has thresholds that were chosen on its probabilities, and masks made "
                "tile by tile have none; leave --tile out, or start again with --fresh"
            )
        if not bound and not self.cuts:
            return None
        if not isinstance(self.engine, Probabilistic):
            name = self.engine.info.name
            self.observer.note(
                f"no probabilities are kept: the engine {name} does not tell how probable pixels "
                "are; pixel and deep do"
            )
        elif not isinstance(output, Path) or self.shard_size is not None or self._is_elsewhere:
            self.observer.note(
                "no probabilities are kept: they need results in a folder, without --shards and "
                "--executor ray"
            )
        else:
            return PlaneKeeper(output.absolute(), bound, run_id, self.cuts)
        return None

    @property
    def least(self) -> dict[int, int]:
        """Object id -> pixels of the smallest part that counts as found."""
        return smallest_areas(self.references, self.project.settings.min_area)

    @property
    def _is_elsewhere(self) -> bool:
        return not isinstance(self.executor, LocalExecutor)

    def _fingerprint(self) -> Fingerprint:
        """What the results depend on."""
        found = run_fingerprint(self.engine.info, self.references, self.window, self.least)
        tiles = self._tiles
        if tiles is not None and not isinstance(self.engine, LargeEngine):
            found = {**found, "tiles": {"side": tiles.side, "halo": tiles.halo}}
        if self.cuts:
            found = {**found, CUTS: self.cuts.to_json()}
        return found if self.shard_size is None else {**found, "layout": "shards"}

    @cached_property
    def _tiles(self) -> Tiles | None:
        """How large targets are cut; None = they are not."""
        settings = self.project.settings
        keeps_planes = bool(self.cuts or settings.keep_probabilities)
        return tiles_of(self.engine, settings.tiles, self.references, keeps_planes=keeps_planes)

    @cached_property
    def _taught_references(self) -> tuple[Reference, ...]:
        """What the engine learns from: an engine that is shown tiles also learns from tiles."""
        tiles = self._tiles
        if tiles is None or isinstance(self.engine, LargeEngine):
            return self.references
        return cut_references(self.references, tiles)

    def _recipe(self, run_id: str) -> Recipe:
        """What workers are built from."""
        settings, output = self.project.settings, self.project.output_place
        if isinstance(output, Path):
            output = output.absolute()
        shards = None if self.shard_size is None else ShardPlan(output, run_id, self.shard_size)
        sink = sink_for(output, run_id)
        return Recipe(
            engine=settings.engine,
            settings=self.project.engine_settings,
            signature=self.engine.info.signature,
            references=self._taught_references,
            work=FileWork(
                sink,
                self.specs,
                self.window,
                settings.images.read_options,
                tiles=self._tiles,
                unfinished=output / "unfinished" if isinstance(output, Path) else None,
                least=self.cuts.without_chosen(self.least),
            ),
            shards=shards,
            batch_size=None if settings.batch_size == "auto" else settings.batch_size,
            workers=settings.workers,
            lock=output / LOCK_NAME if isinstance(output, Path) else None,
        )
