"""Who hears about it, through which channels, when and how often."""

from typing import Annotated, Self

from pydantic import BeforeValidator, Field, model_validator

from nightjar.domain.model import Input
from nightjar.domain.rules.device import Cap, Channels, Device, QuietHours, Recipients, Told
from nightjar.domain.rules.mistakes import mistake
from nightjar.domain.rules.times import Clock, Language, Moment, ZoneName
from nightjar.domain.rules.values import Email, Name, RuleRefs, nothing_is_empty


class User(Told):
    """Who hears about it, and what holds for a device that does not say otherwise."""

    email: Annotated[
        Email | None,
        Field(
            description="The address that hears about it. Required, unless there are `recipients`.",
            examples=["alice@example.com"],
        ),
    ] = None
    timezone: Annotated[
        ZoneName, Field(description="The user's IANA time zone, for hours and messages.", examples=["Europe/Berlin"])
    ]
    language: Annotated[
        Language | None,
        Field(
            description="How numbers, dates and times are written in messages. Not written: `en-GB`.",
            examples=["de"],
        ),
    ] = None
    rules: Annotated[
        RuleRefs,
        Field(
            description="The rules of each device that has no list of its own: ids and names of groups.",
            examples=[[200, "shop"]],
        ),
    ] = ()
    cap: Annotated[
        Cap | None,
        Field(
            description="The most alerts within a period; the rest is in the digest. Not written: no cap.",
            examples=[{"alerts": 20, "hours": 24}],
        ),
    ] = None
    digest: Annotated[
        Clock | None,
        Field(
            description="The local time at which the day's digest is sent. Not written: no digest.", examples=["07:00"]
        ),
    ] = None
    devices: Annotated[
        dict[Name, Annotated[Device, BeforeValidator(nothing_is_empty)]],
        BeforeValidator(nothing_is_empty),
        Field(description="The user's devices by their names.", examples=[{"porch": {}}]),
    ] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        _check_addresses(self.email, self.recipients)
        return self


class Operator(Input):
    """Who runs the deployment: hears about trouble with it, in the same ways as a user."""

    email: Annotated[
        Email | None,
        Field(
            description="The operator's address. Required, unless there are `recipients`.",
            examples=["ops@example.com"],
        ),
    ] = None
    recipients: Annotated[
        Recipients | None,
        Field(description="E-mail addresses, besides `email`.", examples=[["ops@example.com"]]),
    ] = None
    channels: Annotated[
        Channels,
        Field(
            description="The channels for each severity, as a user has them.",
            examples=[{"critical": ["email", "oncall"]}],
        ),
    ] = None
    timezone: Annotated[ZoneName, Field(description="IANA time zone, for hours and messages.")] = "UTC"
    language: Annotated[Language | None, Field(description="As a user's. Not written: `en-GB`.", examples=["de"])] = (
        None
    )
    quiet_hours: Annotated[
        QuietHours,
        Field(
            description="As a user's; what is not critical is told when they are over. Not written: none.",
            examples=["23:00-06:00"],
        ),
    ] = None
    mute_until: Annotated[
        Moment | None,
        Field(
            description="A time with its zone: nothing is told before it, and all that still holds then.",
            examples=["2026-11-20T08:00:00Z"],
        ),
    ] = None

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        _check_addresses(self.email, self.recipients)
        return self


def _check_addresses(email: str | None, others: tuple[str, ...] | None) -> None:
    if email is None and others is None:
        raise mistake("missing key (or recipients)", "email", is_missing=True)
    if email in (others or ()):
        raise mistake(f"expected each only once, got twice: {email}, as email and here", "recipients")
