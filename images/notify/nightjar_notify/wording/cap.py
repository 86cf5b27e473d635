"""The last message of a period whose cap is reached."""

from datetime import datetime, timedelta

from nightjar.domain.notices import Notice, NoticeKind
from nightjar.domain.rules import CameraRules, Severity
from nightjar_notify.wording.locale import Writing


def cap_notice(camera: CameraRules, began: datetime) -> Notice:
    """The notice to the user of `camera` that the period which began at `began` has had all its alerts."""
    assert camera.cap is not None, "expected a cap"
    writing, user = Writing.of(camera), camera.camera.user
    ends = began + timedelta(hours=camera.cap.hours)
    alerts, hours = writing.many(camera.cap.alerts, "alert"), writing.many(camera.cap.hours, "hour")
    headline = f"No more alerts until {writing.minute(ends)}"
    rest = (
        f"The rest is in your digest, which is sent at {camera.digest_at:%H:%M}."
        if camera.digest_at is not None
        else "The rest is kept, and is on the day's page; the rules ask for no digest for you."
    )
    return Notice(
        id=f"cap-{user}-{began:%Y%m%dT%H%M%S}",
        kind=NoticeKind.CAP,
        severity=Severity.WARNING,
        headline=headline,
        subject=f"{headline}: the rest is in the digest" if camera.digest_at else headline,
        when=f"until {writing.line(ends)}",
        at=camera.local(began),
        user=user,
        paragraphs=(
            f"You have had {alerts} since {writing.line(began)}, which is the most that you want in {hours}.",
            rest,
        ),
        why="You get this because the rules have a cap for you. Whoever runs Nightjar for you can change it.",
        internal=f"User {user}",
        language=camera.language,
    )
