"""The bucket world that all tests share: the documents that a run leaves in a bucket, made with the stores themselves.

Tests of a stage build on it: `scenes` (after detection), `images/<stage>/…` (the stage's own inputs).
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Self

from nightjar.domain.batch import Footage
from nightjar.domain.detections import Picture
from nightjar.domain.manifest import Counts, Manifest, ObjectRef
from nightjar.domain.model import ms_from_utc
from nightjar.domain.names import Camera, FootageName, parse_footage_name
from nightjar.domain.release import FrozenRules, Release, StageRelease, Started
from nightjar.domain.stages import STAGES, stage_named
from nightjar.runtime.manifests import write_manifest, write_record
from nightjar.runtime.stage import StageContext
from nightjar.runtime.store import ObjectStore
from nightjar.stores.footage import footage_key
from nightjar.stores.rules import RULES_KEY, RulesStore
from nightjar.stores.runs import LIVE, RELEASE, run_prefix, stage_prefix
from nightjar.stores.standard import standard_key

REGISTRY = "registry.example.com/nightjar"
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
PORCH, YARD, SHOP = Camera("alice", "porch"), Camera("alice", "yard"), Camera("bob", "shop")
RULES = b"""\
version: 1
event_gap_seconds: 60
rules:
  200: {name: intruder, unsafe: [person], min_probability: 0.6}
users:
  alice:
    email: alice@example.com
    timezone: Europe/Berlin
    rules: [200]
    devices: {porch: {site: home}, yard: {allow_grey: true}}
  bob:
    email: bob@example.com
    timezone: America/New_York
    rules: [200]
    devices: {shop: {}}
"""


def sha256_of(data: bytes | str) -> str:
    """As documents name content."""
    return hashlib.sha256(data.encode() if isinstance(data, str) else data).hexdigest()


def picture_of(
    camera: Camera, taken_at: datetime, sha256: str = "a" * 64, footage: FootageName | None = None
) -> Picture:
    """A standard picture, 640 by 480, of a still of its own or of `footage`; nothing is stored."""
    name = footage or FootageName(camera, ms_from_utc(taken_at), "jpg")
    return Picture(
        user=camera.user,
        device=camera.device,
        taken_at=taken_at,
        footage_key=footage_key(name),
        footage_version="f1",
        standard_key=standard_key(camera, taken_at),
        standard_sha256=sha256,
        width=640,
        height=480,
    )


def put_picture(store: ObjectStore, data: bytes, taken_at: datetime = NOON, camera: Camera = PORCH) -> Picture:
    """A standard picture, stored as validate does."""
    picture = picture_of(camera, taken_at, sha256_of(data))
    store.put(picture.standard_key, data)
    return picture


def put_footage(store: ObjectStore, name: str, data: bytes) -> Footage:
    """File `data` under its canonical key, as collect does."""
    key, sha256 = footage_key(parse_footage_name(name)), sha256_of(data)
    info = store.put(key, data, metadata={"sha256": sha256})
    return Footage.model_validate({"key": key, "version_id": info.version_id, "size": len(data), "sha256": sha256})


def image_of(stage: str, tag: str = "1.0.0") -> str:
    """The reference of a stage's image."""
    return f"{REGISTRY}/{stage_named(stage).image}:{tag}"


# Rules that a release names; nothing is stored.
FROZEN = FrozenRules(
    key="rules/5.yaml",
    sha256="5" * 64,
    source=ObjectRef(key="config/rules.yaml", version_id="v", sha256="5" * 64, size=1),
)


def release_of(
    name: str,
    started: Started | None = None,
    tags: Mapping[str, str] | None = None,
    settings: Mapping[str, Mapping[str, str]] | None = None,
    rules: FrozenRules = FROZEN,
) -> Release:
    """A release with all stages for the run called `name`; `tags` and `settings` by stage. Nothing is stored."""
    return Release(
        run=name,
        start=started.identity if started else "",
        stages={
            stage: StageRelease(
                image=image_of(stage, (tags or {}).get(stage, "1.0.0")),
                settings=dict((settings or {}).get(stage, {})),
            )
            for stage in STAGES
        },
        rules=rules,
    )


@dataclass(frozen=True)
class RunWorld:
    """A run in a bucket: its release, the manifests of its stages, and the context in which a stage of it works."""

    store: ObjectStore
    name: str = "b1"
    dag: str = LIVE

    @classmethod
    def of(cls, store: ObjectStore, prefix: str) -> Self:
        """The run whose folder is `prefix`."""
        _, dag, name = prefix.rstrip("/").split("/")
        return cls(store, name, dag)

    @property
    def prefix(self) -> str:
        """The run's folder."""
        return run_prefix(self.dag, self.name)

    def at(self, stage: str, shard: str | None = None) -> str:
        """The prefix that a stage writes to."""
        return stage_prefix(self.prefix, stage, shard)

    def pin(
        self,
        rules: bytes | None = None,
        tags: Mapping[str, str] | None = None,
        settings: Mapping[str, Mapping[str, str]] | None = None,
    ) -> ObjectRef:
        """Write the release of the run (see `release_of`), whatever it was before.

        With `rules` these come into force first; without, those that are, or RULES in a bucket that has none.
        """
        if rules is not None or self.store.head(RULES_KEY) is None:
            self.store.put(RULES_KEY, RULES if rules is None else rules)
        release = release_of(self.name, tags=tags, settings=settings, rules=RulesStore(self.store).freeze())
        return write_record(self.store, f"{self.prefix}{RELEASE}", release)

    def leave(
        self,
        stage: str,
        shard: str | None = None,
        objects: Iterable[ObjectRef] = (),
        inputs: Iterable[ObjectRef] = (),
        counts: Counts | None = None,
        at: datetime = NOON,
    ) -> ObjectRef:
        """The manifest of a stage that wrote `objects` from `inputs`."""
        manifest = Manifest(
            stage=stage,
            image=f"{REGISTRY}/{stage}:x",
            run=self.name,
            inputs=tuple(inputs),
            objects=tuple(objects),
            counts=counts or Counts(),
            started_at=at,
            finished_at=at,
        )
        return write_manifest(self.store, self.at(stage, shard), manifest)

    def context(
        self,
        stage: str,
        source: str,
        shard: str | None = None,
        image: str | None = None,
        day: date | None = None,
        now: datetime | None = NOON,
    ) -> StageContext:
        """The context in which a stage works on `source`; without `now` its clock is the machine's."""
        return StageContext(
            stage=stage,
            image=image or image_of(stage),
            run=self.name,
            input_prefix=source,
            output_prefix=self.at(stage, shard),
            store=self.store,
            release_key=f"{self.prefix}{RELEASE}",
            day=day,
            clock=lambda: now or datetime.now(UTC),
        )
