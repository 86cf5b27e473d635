"""The stage runner: what `python -m nightjar_<stage>` does around the stage's own work.

It parses the arguments, reads the settings, sets up logging, turns SIGTERM into "try again later", writes the manifest
as the last act and turns errors into exit codes. A stage is a function from a StageContext to a StageResult.
"""

import argparse
import logging
import os
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path
from types import FrameType
from typing import NoReturn

from pydantic import JsonValue

from nightjar.domain.makers import Maker
from nightjar.domain.manifest import Counts, Manifest, ObjectRef, Refs, TaskRef
from nightjar.domain.release import Release, image_tag
from nightjar.errors import NightjarError, TryAgainError, UsageError
from nightjar.runtime.garbage import look_seldom
from nightjar.runtime.logs import configure_logging
from nightjar.runtime.manifests import read_record, write_manifest, write_refs
from nightjar.runtime.noting import Notes, NotingStore
from nightjar.runtime.overlay import OverlayStore, open_overlay
from nightjar.runtime.peak_memory import peak_memory_bytes
from nightjar.runtime.secret_files import take_up_secrets
from nightjar.runtime.settings import StageSettings, StoreSettings, load
from nightjar.runtime.store import ObjectStore

log = logging.getLogger(__name__)

TERMINATION_LOG = Path("/dev/termination-log")
# So many objects, besides those that the stage itself names, stand in the manifest; more go into a file beside it.
MOST_INLINE = 100


@dataclass(frozen=True)
class StageContext:
    """Everything that a stage is given: where to read and write, for whom, the store and the clock.

    `store` is the bucket or, with `reproduction`, the overlay at that prefix. `as_of` is the UTC day that counts as
    today, where it is not the clock's: that on which a run which is reproduced did this work. What goes through `store`
    is noted for the manifest; a stage that reads otherwise tells `notes`.
    """

    stage: str
    image: str
    run: str
    input_prefix: str
    output_prefix: str
    store: ObjectStore
    release_key: str | None = None
    day: date | None = None
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    reproduction: str | None = None
    as_of: date | None = None
    task: TaskRef | None = None
    notes: Notes = field(default_factory=Notes)

    @property
    def today(self) -> date:
        """The day, in UTC, that counts as today."""
        return self.as_of or self.clock().date()

    @property
    def tag(self) -> str:
        """The tag of the image that this runs as; raises UsageError when the reference has none."""
        return image_tag(self.image)

    @property
    def run_prefix(self) -> str:
        """The folder of the run: where `release.json` is. Raises UsageError without `--release`."""
        return self._release_key().rpartition("/")[0] + "/"

    def release(self) -> tuple[Release, ObjectRef]:
        """The release of the run, read once; raises UsageError without `--release`, InputError when it is not there."""
        return self._release

    @cached_property
    def _release(self) -> tuple[Release, ObjectRef]:
        return read_record(self.store, self._release_key(), Release)

    @cached_property
    def maker(self) -> Maker:
        """By whom what this stage makes is made, for what is stored; known by the release, as far as there is one."""
        dag_and_run = self.output_prefix.split("/")[1:3]
        release, ref = self.release() if self.release_key else (None, None)
        stage = release.stages.get(self.stage) if release else None
        return Maker(
            run="/".join(dag_and_run),
            stage=self.stage,
            shard=self.shard,
            image=self.image,
            image_digest=stage.digest if stage else None,
            release=ref.sha256 if ref else "",
            rules_sha256=release.rules.sha256 if release else None,
        )

    @property
    def shard(self) -> str | None:
        """The shard that this works on, by the folder that it writes to: `runs/<dag>/<run>/<stage>/<shard>/`."""
        folders = self.output_prefix.rstrip("/").split("/")
        return folders[4] if len(folders) > 4 else None

    def _release_key(self) -> str:
        if self.release_key is None:
            raise UsageError(f"stage {self.stage} needs --release, the key of the run's release.json")
        return self.release_key


@dataclass(frozen=True)
class StageResult:
    """The results of a stage, for its manifest. `result` is small data for the next task, such as a batch id.

    `inputs` and `objects` are those that other stages go by: they always stand in the manifest itself, also those that
    were there already. All others that the stage read or wrote are noted by its store.
    """

    counts: Counts = field(default_factory=Counts)
    inputs: Sequence[ObjectRef] = ()
    objects: Sequence[ObjectRef] = ()
    result: dict[str, JsonValue] = field(default_factory=dict)
    warnings: Sequence[str] = ()


Work = Callable[[StageContext], StageResult]


class StoppedError(BaseException):
    """SIGTERM came: an end with 75.

    Not an Exception: botocore takes any that comes up in the middle of a request for a failed connection and tries
    again, and logging drops it; the stage would go on until it is killed.
    """

    exit_code = TryAgainError.exit_code


_sigterm_came = False


def stop_if_asked() -> None:
    """Raise StoppedError when SIGTERM came: for long loops to call at every step.

    The error that the signal itself raises is lost in code that can raise nothing, such as a finaliser.
    """
    if _sigterm_came:
        raise StoppedError("stopped by SIGTERM before the end; run it again")


def run(work: Work, context: StageContext) -> Manifest:
    """Do the work of a stage and write its manifest; raises AssertionError when its own counts do not add up."""
    started_at, store, notes = context.clock(), context.store, Notes()
    context = replace(context, store=NotingStore(store, notes), notes=notes)
    release = context.release()[1].sha256 if context.release_key else ""
    result = work(context)
    if problem := result.counts.problem():
        raise AssertionError(f"stage {context.stage}: {problem}")
    for warning in result.warnings:
        log.warning(warning)
    others = notes.besides(result.inputs, result.objects)
    inline, more = others, None
    if len(others) > MOST_INLINE:
        inline, more = Refs(), write_refs(store, context.output_prefix, others)
    manifest = Manifest(
        stage=context.stage,
        image=context.image,
        run=context.run,
        release=release,
        inputs=(*result.inputs, *inline.inputs),
        objects=(*result.objects, *inline.objects),
        asked=tuple(inline.asked),
        deleted=tuple(inline.deleted),
        more=more,
        names_all=True,
        counts=result.counts,
        result=result.result,
        warnings=tuple(result.warnings),
        image_digest=context.maker.image_digest,
        task=context.task,
        peak_memory_bytes=peak_memory_bytes(),
        started_at=started_at,
        finished_at=context.clock(),
    )
    write_manifest(store, context.output_prefix, manifest)
    return manifest


def main(stage: str, work: Work, arguments: Sequence[str] | None = None) -> NoReturn:
    """Run `stage` as a program and exit with its code; the last line on standard error says why in one sentence."""
    code, message = _run_as_program(stage, work, arguments)
    sentence = " ".join(message.split())
    sys.stdout.flush()
    print(sentence, file=sys.stderr, flush=True)  # noqa: T201 - the contract of a stage
    if os.access(TERMINATION_LOG, os.W_OK):
        TERMINATION_LOG.write_text(sentence[:4096])
    # Threads that still wait on the network must not hold a finished stage; all that counts has been written.
    sys.stderr.flush()
    os._exit(code)


def _run_as_program(stage: str, work: Work, arguments: Sequence[str] | None) -> tuple[int, str]:
    try:
        signal.signal(signal.SIGTERM, _stop)
        try:
            manifest = _run(stage, work, arguments)
        finally:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)  # how it ended is decided and has to be told
    except (NightjarError, StoppedError) as error:
        log.error("%s", error, exc_info=not isinstance(error, UsageError))
        return error.exit_code, f"{stage}: {error}"
    except Exception as error:
        log.exception("this is a bug")
        return 1, f"{stage}: bug: {type(error).__name__}: {error}"
    counts = manifest.counts
    log.info("done", extra={"counts": counts.model_dump(), "seconds": round(manifest.seconds, 3)})
    return 0, f"{stage}: done, {counts.received} received: {counts.outcomes or 'nothing to do'}"


def _run(stage: str, work: Work, arguments: Sequence[str] | None) -> Manifest:
    given = _parse(stage, arguments)
    take_up_secrets()
    settings = load(StageSettings)
    configure_logging(stage=stage, run=settings.run, shard=settings.shard)
    store = open_store(load(StoreSettings), given.reproduction)
    context = StageContext(
        stage=stage,
        image=settings.image,
        run=settings.run,
        input_prefix=given.input_prefix,
        output_prefix=given.output_prefix,
        store=store,
        release_key=given.release,
        day=given.day,
        reproduction=given.reproduction,
        as_of=store.as_of if isinstance(store, OverlayStore) else None,
        task=settings.task,
    )
    log.info("started", extra={"image": settings.image, "input_prefix": given.input_prefix})
    look_seldom()  # from here on, again; see swift_start
    return run(work, context)


def open_store(settings: StoreSettings, reproduction: str | None) -> ObjectStore:
    """The bucket; for a `reproduction`, the overlay at that prefix, which only reads it. Raises as `open_overlay`."""
    from nightjar.runtime.s3 import S3Store  # boto3 takes a third of a second: usage errors need not wait

    bucket = S3Store(settings)
    return open_overlay(bucket, reproduction) if reproduction else bucket


def _stop(_signal: int, _frame: FrameType | None) -> None:
    global _sigterm_came
    _sigterm_came = True
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # what a stage still saves on its way out is not stopped again
    stop_if_asked()


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}; {' '.join(self.format_usage().split())}")


def _prefix(text: str) -> str:
    if not text.endswith("/") or text.startswith("/"):
        raise argparse.ArgumentTypeError(
            f"expected a prefix that ends with a slash and does not start with one: {text!r}"
        )
    return text


def _parse(stage: str, arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = _Parser(prog=f"nightjar_{stage}", description=f"Nightjar's {stage} stage.")
    parser.add_argument("--input-prefix", type=_prefix, required=True)
    parser.add_argument("--output-prefix", type=_prefix, required=True)
    parser.add_argument("--release", metavar="KEY", help="key of the run's release.json")
    parser.add_argument("--day", type=date.fromisoformat, help="the UTC day of a history run")
    # An image that does not know it ends here, and writes nothing: a reproduction is never taken for the run itself.
    parser.add_argument("--reproduction", type=_prefix, metavar="PREFIX", help="work in the overlay at this prefix")
    return parser.parse_args(arguments)
