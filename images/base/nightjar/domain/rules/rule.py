"""One rule: which objects are unsafe, when, where, how often, and how much that matters."""

from datetime import datetime, timedelta
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag, model_validator

from nightjar.domain.model import Input
from nightjar.domain.probability import probability_from
from nightjar.domain.rules.mistakes import mistake
from nightjar.domain.rules.times import HoursOfDay
from nightjar.domain.rules.values import (
    Day,
    DayName,
    Name,
    Severity,
    SeverityName,
    Share,
    StandsAt,
    StandsAtName,
    Text,
    Whole,
    different,
)

_DAYS = tuple(Day)


class Agree(Input):
    """How many pictures must agree before it is a threat: one look that errs wakes nobody."""

    pictures: Annotated[
        Whole,
        Field(
            ge=1,
            le=1_000,
            description="So many pictures with such an object, the picture itself included.",
            examples=[3],
        ),
    ]
    within_seconds: Annotated[
        Whole, Field(ge=1, le=3_600, description="Seconds from the first to the last of these pictures.", examples=[10])
    ]


def _form(value: Any) -> str:
    return "[each]" if isinstance(value, dict) else "[list]"


def _own_probability(value: object) -> float | None:
    return None if value is None else probability_from(value)


_Labels = Annotated[tuple[Text, ...], Field(min_length=1), AfterValidator(different)]
_Each = Annotated[
    dict[Text, Annotated[float | None, BeforeValidator(_own_probability)]],
    Field(min_length=1),
]
_Names = Annotated[tuple[Name, ...], Field(min_length=1), AfterValidator(different)]


class Rule(Input):
    """One rule: unsafe labels, and conditions. A condition that is not written holds always."""

    name: Annotated[Text, Field(description="How messages and pages call the rule.", examples=["intruder"])]
    unsafe: Annotated[
        Annotated[_Labels, Tag("[list]")] | Annotated[_Each, Tag("[each]")],
        Discriminator(_form),
        Field(
            description="The labels of the detector that are unsafe: a list, or a mapping that gives each label the "
            "probability from which on it counts; a label without one has `min_probability`.",
            examples=[["dog", "cat"], {"person": "60%", "car": "80%"}],
        ),
    ]
    min_probability: Annotated[
        float | None,
        BeforeValidator(probability_from),
        Field(
            description="The probability from which on a label counts, a fraction or per cent. Required, unless every "
            "label has its own.",
            examples=["60%"],
        ),
    ] = None
    hours: Annotated[
        HoursOfDay | None,
        Field(
            description="When the rule holds, on the user's wall clock, across midnight where the end comes first.",
            examples=["22:00-06:00"],
        ),
    ] = None
    days: Annotated[
        Annotated[tuple[DayName, ...], Field(min_length=1), AfterValidator(different)] | None,
        Field(
            description="The user's local days on which the hours begin: `22:00-06:00` on `fri` reaches into Saturday "
            "morning.",
            examples=[["mon", "tue"]],
        ),
    ] = None
    areas: Annotated[
        _Names,
        Field(
            description="The object must stand in one of these areas of the device. Not written: anywhere.",
            examples=[["yard", "door"]],
        ),
    ] = ()
    not_areas: Annotated[
        _Names, Field(description="The object must stand in none of these areas of the device.", examples=[["street"]])
    ] = ()
    stands_at: Annotated[
        StandsAtName,
        Field(
            description="Which part of the object's box decides where it stands: `foot`, the middle of the lower edge; "
            "`centre`; or `touch`, any part of it.",
            examples=["touch"],
        ),
    ] = StandsAt.FOOT
    min_box: Annotated[
        Share | None,
        Field(description="The least share of the picture's area that the box takes.", examples=["2%"]),
    ] = None
    max_box: Annotated[
        Share | None,
        Field(description="The largest share of the picture's area that the box takes.", examples=["80%"]),
    ] = None
    agree: Annotated[
        Agree | None,
        Field(
            description="How many pictures must agree before it is a threat. Not written: one is enough.",
            examples=[{"pictures": 3, "within_seconds": 10}],
        ),
    ] = None
    severity: Annotated[
        SeverityName,
        Field(
            description="How much it matters: `info`, `warning` or `critical`. Users choose channels by it.",
            examples=["critical"],
        ),
    ] = Severity.WARNING

    @model_validator(mode="after")
    def _together(self) -> Self:
        if self.min_probability is None and None in [self.probability_of(label) for label in self.unsafe]:
            raise mistake("missing key", "min_probability", is_missing=True)
        if self.min_box is not None and self.max_box is not None and self.min_box > self.max_box:
            raise mistake(f"expected at most max_box ({self.max_box:g}), got {self.min_box:g}", "min_box")
        for n, area in enumerate(self.not_areas):
            if area in self.areas:
                raise mistake(f"expected an area that is not among areas, got {area!r}", "not_areas", n)
        return self

    def probability_of(self, label: str) -> float | None:
        """From which probability on the rule calls `label` unsafe; None when it does not."""
        if label not in self.unsafe:
            return None
        own = self.unsafe[label] if isinstance(self.unsafe, dict) else None
        return self.min_probability if own is None else own

    def holds_at(self, local: datetime) -> bool:
        """Whether the rule's hours and days hold when the user's wall clock shows `local`."""
        begun = local.date()
        if self.hours is not None:
            if not self.hours.holds_at(local.time()):
                return False
            if self.hours.began_yesterday(local.time()):
                begun -= timedelta(days=1)
        return self.days is None or _DAYS[begun.weekday()] in self.days
