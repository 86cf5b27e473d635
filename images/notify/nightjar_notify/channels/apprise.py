"""Any service that Apprise knows: PagerDuty, SMS and calls, chat, webhooks. One channel is one URL.

Apprise tells its caller whether it worked, and tells its log the rest, keys included. So its log is closed, the HTTP
requests are watched (`exchanges`), and the answers are classified like those of the mail API.
"""

import contextvars
import logging
import sys
import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import apprise
from apprise.attachment.memory import AttachMemory
from apprise.plugins.pagerduty import NotifyPagerDuty, PagerDutyAction
from pydantic import SecretStr

from nightjar.domain.notices import Notice
from nightjar.domain.severity import Severity
from nightjar_notify.answers import Verdict
from nightjar_notify.channels import words
from nightjar_notify.channels.exchanges import Exchange, watched
from nightjar_notify.channels.judgement import judge
from nightjar_notify.channels.masking import Masking
from nightjar_notify.channels.protocol import Answer, Outgoing
from nightjar_notify.channels.tries import Patience, Tried, send_patiently
from nightjar_notify.pace import Pace

log = logging.getLogger(__name__)

_LONGEST_CONNECT = 5.0  # seconds
_SHORT_BODY = 1000  # characters; a service that takes less is for telephones
_TYPES = {
    Severity.INFO: apprise.NotifyType.INFO,
    Severity.WARNING: apprise.NotifyType.WARNING,
    Severity.CRITICAL: apprise.NotifyType.FAILURE,
}

# Apprise's log shows addresses and keys when something about them is wrong.
logging.getLogger("apprise").addFilter(lambda record: False)
logging.getLogger("urllib3").setLevel(logging.WARNING)


class AppriseChannel:
    """A channel with an Apprise URL. `timeout` bounds one try, in seconds. Safe to use from threads."""

    def __init__(
        self,
        name: str,
        url: SecretStr,
        clock: Callable[[], datetime],
        pace: Pace,
        patience: Patience,
        timeout: float,
    ) -> None:
        self.name, self.pace = name, pace
        self._url, self._clock, self._patience, self._timeout = url, clock, patience, timeout
        # Nothing that others host is shown in a message, and no redirect takes the keys elsewhere.
        self._asset = apprise.AppriseAsset(
            app_id="Nightjar",
            app_desc="Nightjar",
            app_url="",
            image_url_mask="",
            image_url_logo="",
            http_redirects=False,
            async_mode=False,
            storage_mode="memory",
        )

    def send(self, message: Outgoing) -> Answer:
        """Send the message, again and again while the service says "later" and the pace allows it."""
        return send_patiently(
            lambda repeated: self._try(message, repeated),
            self.pace,
            self._patience,
            repeated=message.possibly_repeated,
        )

    def close(self) -> None:
        """Nothing is open."""

    def _try(self, message: Outgoing, repeated: bool) -> Tried:
        subject = words.subject(message.notice, possibly_repeated=repeated)
        service = self._service(message.notice)
        if service is None:
            problem = f"the address of channel {self.name!r} in CHANNELS_URLS is none that Apprise understands"
            return Tried(Verdict.UNAUTHORISED, subject, problem=problem)
        options = _options(service, message, repeated)
        worked, exchanges, crash = self._bounded(service, options)
        masking = Masking(self._url.get_secret_value(), _servers(exchanges))
        said = {"subject": subject, "type": str(options["notify_type"].value), "service": str(service.service_name)}
        tried = judge(worked, exchanges, masking, said, self._clock(), subject, crash, uses_http=_uses_http(service))
        level = logging.DEBUG if tried.verdict is Verdict.ACCEPTED else logging.WARNING
        status = tried.calls[-1].status if tried.calls else None
        log.log(
            level,
            "channel %s answered %s",
            self.name,
            status,
            extra={"channel": self.name, "status": status, "verdict": tried.verdict.name.lower()},
        )
        return tried

    def _service(self, notice: Notice) -> Any:
        """A service of its own for each try: one that hangs is left behind. None for a URL that Apprise refuses."""
        url = self._url.get_secret_value()
        try:
            service = apprise.Apprise.instantiate(url, asset=self._asset)
        except Exception:  # any, with any text: Apprise has a hundred services by as many people
            return None
        if service is None:
            return None
        if "rto=" not in url:
            service.socket_read_timeout = self._timeout
        if "cto=" not in url:
            service.socket_connect_timeout = min(self._timeout, _LONGEST_CONNECT)
        if isinstance(service, NotifyPagerDuty):
            _page(service, notice)
        return service

    def _bounded(self, service: Any, options: dict[str, Any]) -> tuple[bool | None, list[Exchange], str]:
        """The answer of the service (None: nothing in time), its exchanges so far, and the kind of its crash, if any.

        In a thread of its own, which is left behind when time is up: some services wait without a bound.
        """
        ended: list[bool] = []
        crash: list[str] = []
        with watched(self._clock) as exchanges:
            context = contextvars.copy_context()

        def work() -> None:
            try:
                ended.append(bool(service.notify(**options)))
            except Exception as error:
                crash.append(type(error).__name__)  # its text may hold the address
                ended.append(False)

        thread = threading.Thread(target=context.run, args=(work,), name=f"channel-{self.name}", daemon=True)
        thread.start()
        thread.join(self._timeout)
        seen = list(exchanges)
        return (ended[0] if ended else None), seen, crash[0] if crash else ""


def _options(service: Any, message: Outgoing, repeated: bool) -> dict[str, Any]:
    notice = message.notice
    kind = apprise.NotifyType.SUCCESS if notice.kind.is_over else _TYPES[notice.severity]
    options: dict[str, Any] = {"notify_type": kind, "body_format": apprise.NotifyFormat.TEXT}
    if isinstance(service, NotifyPagerDuty):
        return options | {"title": "", "body": words.subject(notice, possibly_repeated=repeated)}
    if service.body_maxlen < _SHORT_BODY:
        most = min(words.SHORT, service.body_maxlen)
        return options | {"title": "", "body": words.short(notice, possibly_repeated=repeated, most=most)}
    options |= {"title": words.subject(notice, possibly_repeated=repeated), "body": words.page(notice)}
    if service.attachment_support and (pictures := _pictures(message)):
        attach = apprise.AppriseAttachment(asset=service.asset)
        for picture in pictures:
            attach.add(picture)
        options["attach"] = attach
    return options


def _pictures(message: Outgoing) -> list[AttachMemory]:
    shown = [each.pictures.whole.jpeg for each in message.illustrations if each.pictures]
    name = message.notice.camera.name if message.notice.camera else "nightjar"
    return [
        AttachMemory(content=jpeg, name=f"{name}-{message.notice.id}-{number}.jpg", mimetype="image/jpeg")
        for number, jpeg in enumerate(shown, start=1)
    ]


def _page(service: NotifyPagerDuty, notice: Notice) -> None:
    """The facts beside the summary, and one incident for a trouble and its end, also when it is sent twice."""
    service.details = {**{fact.name: fact.value for fact in notice.facts}, **service.details}
    if service.source == service.template_tokens["source"]["default"]:
        service.source = notice.camera.name if notice.camera else "nightjar"
    if not service.dedup:
        service.dedup = notice.key
    if notice.kind.is_over and service.action == PagerDutyAction.TRIGGER:
        service.action = PagerDutyAction.RESOLVE


def _servers(exchanges: Sequence[Exchange]) -> list[str]:
    """The names of the servers that were asked: public, as far as they are not made of secrets themselves."""
    hosts = (each.url.partition("://")[2].partition("/")[0].rpartition("@")[2] for each in exchanges)
    return [form for host in hosts for form in (host, host.partition(":")[0], host.partition(":")[2])]


def _uses_http(service: Any) -> bool:
    modules = (sys.modules.get(kind.__module__) for kind in type(service).__mro__)
    return any("requests" in vars(module) for module in modules if module)
