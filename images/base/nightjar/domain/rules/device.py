"""One device: its areas and masks, its rules, and how its user is told about it."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag

from nightjar.domain.model import Input
from nightjar.domain.rules.geometry import Area
from nightjar.domain.rules.times import HoursOfDay, Moment
from nightjar.domain.rules.values import (
    Channel,
    Email,
    Name,
    RuleRefs,
    SeverityName,
    Share,
    Text,
    Whole,
    different,
    not_nothing,
    nothing_is_empty,
    off_or_on,
)


class Static(Input):
    """When an object is taken for part of the scene: a parked car is, until it leaves."""

    # A live run reads the pictures of both times together.
    after_seconds: Annotated[
        Whole, Field(ge=1, le=21_600, description="Seconds that its box must have stayed at its place.")
    ] = 600
    overlap: Annotated[
        Share,
        Field(gt=0, description="How much two boxes must overlap to be of the same object (intersection over union)."),
    ] = 0.7
    forget_seconds: Annotated[
        Whole,
        Field(
            ge=0,
            le=21_600,
            description="Seconds that it may be missing from the pictures; what was away for longer is new.",
        ),
    ] = 60
    exempt: Annotated[
        tuple[Text, ...],
        AfterValidator(different),
        Field(description="Labels that never count as static. `person` never does, whatever stands here."),
    ] = ("person",)


class Cap(Input):
    """The most alerts within a period; the rest is in the digest."""

    alerts: Annotated[Whole, Field(ge=1, le=100_000, description="The most alerts within the period.", examples=[20])]
    hours: Annotated[Whole, Field(ge=1, le=24 * 31, description="Hours of the period.", examples=[24])]


class Alerts(Input):
    """Whether alerts are sent at all, and about what."""

    enabled: Annotated[bool, Field(description="`false`: nothing is sent; events are kept all the same.")] = True
    since: Annotated[
        Moment | None,
        Field(
            description="Only what happens from this moment on is alerted. A time with its zone.",
            examples=["2026-11-20T08:00:00Z"],
        ),
    ] = None


Recipients = Annotated[tuple[Email, ...], Field(min_length=1), AfterValidator(different)]
# None of these is a key without a value: people might expect this or that of it.
Channels = Annotated[
    dict[SeverityName, Annotated[tuple[Channel, ...], AfterValidator(different)]] | None,
    BeforeValidator(not_nothing("a mapping like {warning: [email]}")),
]
QuietHours = Annotated[
    Annotated[Annotated[Literal[False], Tag("[off]")] | Annotated[HoursOfDay, Tag("[on]")], Discriminator(off_or_on)]
    | None,
    BeforeValidator(not_nothing('hours like "23:00-06:00", or false')),
]
StaticOrOff = Annotated[
    Annotated[Annotated[Literal[False], Tag("[off]")] | Annotated[Static, Tag("[on]")], Discriminator(off_or_on)]
    | None,
    BeforeValidator(not_nothing("a mapping like {after_seconds: 600}, or false")),
]


class Told(Input):
    """How a user is told; a device's value replaces the user's for this device."""

    site: Annotated[Text | None, Field(description="The place as messages and pages name it.", examples=["home"])] = (
        None
    )
    recipients: Annotated[
        Recipients | None,
        Field(
            description="E-mail addresses that hear about it; of a user, besides `email`.",
            examples=[["alice@example.com", "bob@example.com"]],
        ),
    ] = None
    channels: Annotated[
        Channels,
        Field(
            description="The channels for each severity: `email`, and the names that the deployment has given others. "
            "A severity that is not written keeps its channels, which is `[email]` unless said otherwise; with `[]` "
            "nobody is told.",
            examples=[{"info": [], "critical": ["email", "oncall"]}],
        ),
    ] = None
    quiet_hours: Annotated[
        QuietHours,
        Field(
            description="In these hours, on the user's wall clock, only what is critical is told; all else waits for "
            "the digest. `false`: none.",
            examples=["23:00-06:00"],
        ),
    ] = None
    cool_down_seconds: Annotated[
        Annotated[Whole, Field(ge=0, le=7 * 86_400)] | None,
        Field(
            description="Seconds after an alert in which the same camera sends no other. Not written: 0.",
            examples=[900],
        ),
    ] = None
    mute_until: Annotated[
        Moment | None,
        Field(
            description="Nothing is alerted before this moment. A time with its zone.",
            examples=["2026-11-20T08:00:00Z"],
        ),
    ] = None
    alerts: Annotated[
        Alerts | None,
        Field(
            description="Whether alerts are sent at all, and from which moment on. Not written: they are.",
            examples=[{"enabled": False}],
        ),
    ] = None
    closing: Annotated[
        bool | None,
        Field(
            description="Whether one more message follows when an event that was alerted and went on is over. Not "
            "written: no.",
            examples=[True],
        ),
    ] = None


class Device(Told):
    """One device of a user. A list of rules replaces the user's, also an empty one."""

    rules: Annotated[
        RuleRefs | None,
        Field(description="The rules of this device instead of the user's: ids and names of groups.", examples=[[200]]),
    ] = None
    allow_grey: Annotated[
        bool, Field(description="Whether pictures without colour are taken, as infrared light gives them.")
    ] = False
    areas: Annotated[
        dict[Name, Area],
        BeforeValidator(nothing_is_empty),
        Field(
            description="Named areas of the picture: each a list of at least 3 corners [x, y], fractions of the "
            "picture's width and height from the upper left.",
            examples=[{"yard": [[0.1, 0.4], [0.9, 0.4], [0.9, 1], [0.1, 1]]}],
        ),
    ] = Field(default_factory=dict)
    masks: Annotated[
        tuple[Area, ...],
        Field(
            description="Areas in which no rule sees anything, such as a screen or the street of others. An object is "
            "in a mask where its foot is, or its centre, if the rule has another `stands_at` than `foot`.",
            examples=[[[[0, 0], [0.3, 0], [0, 0.3]]]],
        ),
    ] = ()
    static: Annotated[
        StaticOrOff,
        Field(
            description="When an object of this device counts as part of the scene, instead of the file's `static`. "
            "`false`: never.",
            examples=[{"after_seconds": 1800}],
        ),
    ] = None
