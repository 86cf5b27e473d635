"""The topic of an event: what it is about. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True, order=True, slots=True)
class Topic:
    """A rule, a label that it calls unsafe, and the area of the rule that the object stands in.

    `area` is the first of the rule's areas that holds the object; empty where the rule names none. An area or a label
    that nobody was told about yet is a topic, so an event, of its own.
    """

    rule_id: int
    label: str
    area: str = ""
