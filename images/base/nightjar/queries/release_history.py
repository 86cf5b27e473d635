"""The history of releases: what was deployed when, by whom and why, and which runs worked by it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from nightjar.domain.bumps import Bump, BumpKind
from nightjar.runtime.parallel import in_parallel
from nightjar.runtime.store import ObjectStore
from nightjar.stores.releases import Releases, RunOfRelease

NOT_KNOWN = "not known"
_AT_ONCE = 8
_MOST_RELEASES = 20  # of a bump, the newest, whose runs are listed
_SAME_MOMENT = timedelta(seconds=2)
_AUDIT_BEFORE = timedelta(days=1)  # a run may come long after the Variable was edited


@dataclass(frozen=True)
class Deployment:
    """A bump with the runs that were pinned by it, newest first, and until when: None while it is the newest one.

    `releases` are the identities of its releases. `by` is who made it, as far as that is known.
    """

    bump: Bump
    until: datetime | None
    runs: tuple[RunOfRelease, ...]
    by: str

    @property
    def releases(self) -> tuple[str, ...]:
        """The identities of the releases that runs were pinned to."""
        return self.bump.releases


def history(store: ObjectStore, most: int) -> list[Deployment]:
    """The newest bumps, at most so many, newest first, each with its runs."""
    releases = Releases(store)
    bumps = releases.bumps(most)
    identities = list(dict.fromkeys(identity for bump in bumps for identity in bump.releases[-_MOST_RELEASES:]))
    runs: dict[str, list[RunOfRelease]] = {bump.id: [] for bump in bumps}
    for identity, of_release in zip(identities, in_parallel(releases.runs, identities, _AT_ONCE), strict=True):
        sharing = [bump for bump in bumps if identity in bump.releases]
        for run in of_release:
            if bump := _bump_of(run, sharing):
                runs[bump.id].append(run)
    untils = [None, *(bump.at for bump in bumps)]
    return [
        Deployment(
            bump, until, tuple(sorted(runs[bump.id], key=lambda run: run.at, reverse=True)), bump.by or NOT_KNOWN
        )
        for bump, until in zip(bumps, untils, strict=False)
    ]


def _bump_of(run: RunOfRelease, sharing: Sequence[Bump]) -> Bump | None:
    """The bump by which a run was pinned, of those that have its release: after going back there are several.

    It is the last one before the run. A run that nobody announced a bump to makes it in the same second.
    """
    return next((bump for bump in sharing if run.at >= bump.at - _SAME_MOMENT), None)


def named_by_audit(deployments: Iterable[Deployment], lines: Sequence[Mapping[str, Any]]) -> list[Deployment]:
    """The deployments, where nobody was named, with the one who edited the Variable by Airflow's audit log.

    `lines` are those of the audit log about this Variable: `owner` and `when` of each.
    """
    edits = sorted(((datetime.fromisoformat(str(line["when"])), str(line["owner"])) for line in lines), reverse=True)

    def named(deployment: Deployment) -> Deployment:
        bump = deployment.bump
        if bump.by or bump.kind != BumpKind.EDITED:
            return deployment
        owner = next((who for when, who in edits if bump.at - _AUDIT_BEFORE <= when <= bump.at), None)
        return replace(deployment, by=f"{owner} (Airflow's audit log)") if owner else deployment

    return [named(each) for each in deployments]
