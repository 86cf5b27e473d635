"""The content of the page of releases, made ready for its templates."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from nightjar.domain.bumps import BumpKind, CurrentImages, same_value, value_of
from nightjar.domain.release import Images
from nightjar.domain.stages import STAGE_IMAGES, STAGES
from nightjar.queries.release_history import Deployment
from nightjar.stores.releases import RunOfRelease
from nightjar.stores.runs import LIVE

_RUNS_SHOWN = 5
_WORDS = {
    BumpKind.RELEASE: ("Bumped", ""),
    BumpKind.PROMOTE: ("Candidate promoted", "ok"),
    BumpKind.DROP: ("Candidate dropped", ""),
    BumpKind.EDITED: ("Edited by hand", "warn"),
    BumpKind.FIRST: ("First known", ""),
}


@dataclass(frozen=True)
class ImageRow:
    """An image that is deployed; `digest` is empty where it is not known."""

    image: str
    stages: str
    tag: str
    digest: str


@dataclass(frozen=True)
class RunLink:
    """A run; `address` is empty for one whose page cannot be told from its folder."""

    run: RunOfRelease
    query: dict[str, str] | None


@dataclass(frozen=True)
class BumpView:
    """A bump: its words, and the newest of its runs."""

    deployment: Deployment
    title: str
    kind: str
    by: str
    runs: tuple[RunLink, ...]

    @property
    def more_runs(self) -> int:
        """Runs that are not named."""
        return len(self.deployment.runs) - len(self.runs)


def deployed_rows(images: Images | None, current: CurrentImages | None) -> list[ImageRow]:
    """A row for each image of the Variable, with its digest where the newest run knew one for this tag."""
    if images is None:
        return []
    known = current.digests if current else {}
    value = current.value if current else {}
    return [
        ImageRow(
            image,
            ", ".join(stage.name for stage in STAGES.values() if stage.image == image),
            images.tag(image),
            known.get(image, "") if value.get(image) == images.tag(image) else "",
        )
        for image in STAGE_IMAGES
    ]


def in_use(images: Images | None, current: CurrentImages | None) -> bool:
    """Whether the newest run was pinned by the Variable as it is now."""
    return images is not None and current is not None and same_value(value_of(images), current.value)


def views_of(deployments: Iterable[Deployment]) -> Sequence[BumpView]:
    """The bumps as they are shown."""
    return [_view(deployment) for deployment in deployments]


def _view(deployment: Deployment) -> BumpView:
    kind = deployment.bump.kind
    title, chip = _WORDS[kind] if isinstance(kind, BumpKind) else (str(kind), "")
    runs = tuple(RunLink(run, _query(run)) for run in deployment.runs[:_RUNS_SHOWN])
    return BumpView(deployment, title, chip, deployment.by.removeprefix("ui:"), runs)


def _query(run: RunOfRelease) -> dict[str, str] | None:
    """The address of a run's page: the folder of a live run is called like the run."""
    return {"dag_id": run.dag, "run_id": run.run} if run.dag == LIVE else None
