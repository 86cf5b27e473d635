"""The stage: sends what is due of troubles, digests and closing messages. Its cost follows what is due."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from typing import Self

from nightjar.domain.manifest import Counts
from nightjar.domain.names import Camera
from nightjar.domain.severity import Severity
from nightjar.domain.troubles import OPERATOR
from nightjar.errors import TryAgainError, UsageError
from nightjar.runtime.parallel import in_parallel
from nightjar.runtime.progress import Progress
from nightjar.runtime.stage import StageContext, StageResult, stop_if_asked
from nightjar.runtime.store import ObjectStore
from nightjar.stores.digests import Closing, Closings
from nightjar.stores.rules import RulesStore
from nightjar.stores.troubles import News, Troubles
from nightjar_notify.channels.ending import stop_sending
from nightjar_notify.channels.opening import open_channels
from nightjar_notify.channels.protocol import Channels
from nightjar_notify.courier import Courier
from nightjar_notify.links import links_from_environment
from nightjar_notify.settings import load_settings
from nightjar_notify.wording.actions import Links
from nightjar_tell.closings import tell_closing
from nightjar_tell.digests import is_due, tell_digest, unsent_digests
from nightjar_tell.operator_troubles import messages, tell_operator
from nightjar_tell.tellers import Done, Office
from nightjar_tell.troubles import ended_covers, tell_news

_MOST_NEWS = 5000  # troubles that one run tells of; the rest wait for the next
# Threads beside those that deliver: they look up what comes next.
_AHEAD = 8

Work = Callable[[], Done]


def tell_what_is_due(context: StageContext) -> StageResult:
    """The stage as a program: settings from the environment."""
    settings, api = load_settings()
    with closing(open_channels(context.store, settings, api, context.clock)) as channels:
        max_age = timedelta(seconds=settings.alert_max_age)
        links = links_from_environment(context.clock)
        return tell_all(context, channels, max_age, settings.mail_concurrency + _AHEAD, links)


def tell_all(
    context: StageContext, channels: Channels, max_age: timedelta, threads: int, links: Links | None = None
) -> StageResult:
    """Tell everything that is due through `channels`.

    Raises TryAgainError when a channel took some not yet, UsageError when one will take none; everything else that
    could be delivered has been.
    """
    now, (release, release_ref) = context.clock(), context.release()
    due = Due.find(context.store, now)
    rules, rules_ref = RulesStore(context.store).load(release.rules, due.cameras)
    office = Office(Courier(context, channels), rules, links, max_age, now)
    done = _all_done(channels, list(_work(office, due)), threads)
    problems = [each.told for each in done if each.told]
    if refused := [told.sentence for told in problems if told.outcome == "refused"]:
        raise UsageError(f"nothing can be sent until somebody changes something: {refused[0]}")
    if later := [told.sentence for told in problems if told.outcome in ("later", "held")]:
        raise TryAgainError(f"{len(later)} of {len(done)} notices could not be sent yet: {later[0]}")
    outcomes = Counter(each.outcome for each in done)
    return StageResult(
        counts=Counts(
            received=len(done),
            outcomes=dict(sorted(outcomes.items())),
            details={"possibly_repeated": sum(told.possibly_repeated for told in problems)},
        ),
        inputs=(release_ref, rules_ref),
        objects=[ref for each in done for ref in each.objects],
        warnings=list(dict.fromkeys(told.sentence for told in problems if told.sentence)),
    )


@dataclass(frozen=True)
class Due:
    """All that may be due, as the stores tell it: troubles with news, closing messages, and users' digests by day."""

    news: Sequence[News]
    closings: Sequence[Closing]
    digests: Sequence[tuple[str, date]]

    @classmethod
    def find(cls, store: ObjectStore, now: datetime) -> Self:
        """Look for it; of troubles the critical ones come first, then the oldest."""
        news = sorted(Troubles(store).news(_MOST_NEWS), key=_urgency)
        return cls(news, list(Closings(store).each()), list(unsent_digests(store, now)))

    @property
    def cameras(self) -> list[Camera]:
        """Those whose users' rules are needed; of a user's digest, one that stands for all."""
        of_news = [camera for each in self.news if (camera := each.stored.trouble.camera)]
        return [*of_news, *(each.camera for each in self.closings), *(Camera(user, "") for user, _ in self.digests)]


def _work(office: Office, due: Due) -> Iterable[Work]:
    """All work that is due, troubles first."""
    covers = ended_covers(due.news)
    of_operator = [each for each in due.news if each.stored.trouble.about == OPERATOR]
    yield from (partial(tell_operator, office, some) for some in messages(of_operator))
    yield from (partial(tell_news, office, each, covers) for each in due.news if each.stored.trouble.about != OPERATOR)
    yield from (partial(tell_closing, office, each) for each in due.closings)
    yield from (partial(tell_digest, office, user, day) for user, day in due.digests if is_due(office, user, day))


def _urgency(news: News) -> tuple[bool, datetime, str, str]:
    trouble = news.stored.trouble
    return trouble.severity != Severity.CRITICAL, trouble.opened_at, trouble.about, trouble.kind


def _all_done(channels: Channels, work: Sequence[Work], threads: int) -> list[Done]:
    """How all went, in order. On an error or SIGTERM nothing more is sent, and what has been sent is recorded."""
    progress = Progress("notices", len(work))

    def do(one: Work) -> Done:
        stop_if_asked()
        return one()

    done: list[Done] = []
    try:
        for each in in_parallel(do, work, threads):
            done.append(each)
            progress.add()
    except BaseException:
        stop_sending(channels)
        raise
    return done
