"""Tells users of their cameras' troubles: each once, and again when it is over."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from nightjar.domain.alerts import DigestLine
from nightjar.domain.digest_times import digest_day
from nightjar.domain.notices import Notice
from nightjar.domain.policy import Held, held_back
from nightjar.domain.rules import CameraRules, Severity
from nightjar.domain.troubles import Notice as Which
from nightjar.domain.troubles import Trouble, TroubleKind
from nightjar.stores.digests import Digests
from nightjar.stores.reactions import Mutes
from nightjar.stores.troubles import News, Troubles
from nightjar_notify.addresses import addresses_for
from nightjar_tell.equipment_notice import equipment_notice
from nightjar_tell.operator_notice import severity_of
from nightjar_tell.tellers import Done, Office

# Reasons that pass; what they hold back can be told afterwards.
_PASSING = (Held.QUIET_HOURS, Held.MUTED)
_LONGEST_WAIT = timedelta(days=1)  # a longer mute is no pause


def tell_news(office: Office, news: News, told_by_covered: frozenset[str]) -> Done:
    """Tell what is due of a trouble, if anything is.

    `told_by_covered` are the cameras of which it is told just now that they are no longer covered: that they are no
    longer void is the same news.
    """
    trouble, troubles = news.stored.trouble, Troubles(office.store)
    which = trouble.due
    if which is None:
        troubles.drop(news)
        return Done("over-before-told")
    assert trouble.camera is not None, "expected a camera's trouble"
    camera = office.rules.device(trouble.camera)
    same = trouble.kind == TroubleKind.VOID and which is Which.ENDED and trouble.about in told_by_covered
    if camera is None or same:
        troubles.settle(news, which, office.now)
        return Done("told-with-another" if same else "left-the-rules")
    severity = severity_of(trouble)
    at = trouble.opened_at if which is Which.OPENED else trouble.ended_at or office.now
    notice = equipment_notice(trouble, which, camera, office.links, office.max_age)
    why = _why_at(office, camera, severity, at)
    if why in _PASSING and camera.digest_at is None:  # no digest would tell of it
        why, later = (_why_at(office, camera, severity, office.now + wait) for wait in (timedelta(0), _LONGEST_WAIT))
        if why is not None and (why, later) != (Held.MUTED, Held.MUTED):
            return Done(f"waits:{why}")
    if why is not None:
        _hold(office, trouble, notice, camera, why)
        troubles.settle(news, which, office.now)
        return Done(f"digest:{why}")
    return _told(office, news, which, notice, camera, severity)


def _why_at(office: Office, camera: CameraRules, severity: Severity, at: datetime) -> Held | None:
    """Why the user is not told of news of `at`. It is never too late: a trouble is news as long as it holds."""
    return held_back(at, severity, camera, Mutes(office.store).get(camera.camera), at, office.max_age)


def ended_covers(news: Iterable[News]) -> frozenset[str]:
    """The cameras of which it is news that they are no longer covered."""
    return frozenset(
        each.stored.trouble.about
        for each in news
        if each.stored.trouble.kind == TroubleKind.COVERED and each.stored.trouble.due is Which.ENDED
    )


def _told(office: Office, news: News, which: Which, notice: Notice, camera: CameraRules, severity: Severity) -> Done:
    told = office.tell(notice, addresses_for(camera, severity), news.stored.trouble.opened_at.date())
    if told.is_dealt_with:
        Troubles(office.store).settle(news, which, office.now)
    return Done(told.outcome, told, told.objects)


def _hold(office: Office, trouble: Trouble, notice: Notice, camera: CameraRules, why: Held) -> None:
    """Put the notice into the user's digest, if they want one: a line in words, of no event."""
    if camera.digest_at is None:
        return
    line = DigestLine(
        event_id=notice.id,
        event_key="",
        user=camera.camera.user,
        device=camera.camera.device,
        site=camera.site,
        rule_id=0,
        rule_name=notice.headline,
        started_at=trouble.since,
        ended_at=trouble.ended_at or trouble.opened_at,
        labels={},
        pictures=0,
        handled_at=office.now,
        reason=why,
        severity=trouble.severity,
    )
    Digests(office.store).put(line, digest_day(office.now, camera))
