"""Names in a rules file that must stand elsewhere in it: ids of rules, names of groups, names of areas.

They are looked for in the file's content, of which any part may be wrong or missing, so that such a mistake is told
beside the others.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from nightjar.domain.rules.mistakes import Place, near_among

_PLAIN = re.compile(r"0|[1-9][0-9]{0,17}")
_AREA = re.compile(r"[A-Za-z0-9_]{1,64}")
_GROUP = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")
_LISTED = 200  # characters of the names that are known


@dataclass(frozen=True)
class WrongName:
    """A name that is not known, its place, and how to find those near it."""

    place: Place
    sentence: str
    near: Callable[[], list[str]] | None = None


@dataclass(frozen=True)
class KnownNames:
    """The rules' ids, in text, with the areas that each names; and the rules of each group."""

    areas: Mapping[str, tuple[str, ...]]
    groups: Mapping[str, tuple[str, ...]]

    @classmethod
    def of(cls, content: Mapping[str, object]) -> "KnownNames":
        rules = _mapping(content.get("rules"))
        groups = _mapping(content.get("groups"))
        return cls(
            # A key like 0100 or 1_00 is a mistake of its own; the lists that mean it are no further ones.
            {str(i).replace("_", "").lstrip("0"): _areas_of(rule) for i, rule in rules.items()},
            {str(name): tuple(map(str, _sequence(ids))) for name, ids in groups.items()},
        )

    @cached_property
    def refs(self) -> frozenset[str]:
        """All that may stand in a list of rules."""
        return frozenset((*self.areas, *self.groups))

    @cached_property
    def has_areas(self) -> bool:
        """Whether any rule names an area."""
        return any(self.areas.values())

    def rules_of(self, ref: object) -> Iterable[str]:
        """The ids that an item of a list of rules stands for."""
        return self.groups.get(str(ref), (str(ref),))


def wrong_references(content: Mapping[str, object], known: KnownNames | None = None) -> Iterator[WrongName]:
    """Each name in `content` that is neither in it nor `known`."""
    known = known or KnownNames.of(content)
    for name, ids in _mapping(content.get("groups")).items():
        yield from _unknown_rules(("groups", name), ids, known, in_group=True)
    for name, user in _mapping(content.get("users")).items():
        yield from wrong_references_of(name, user, known)


def areas_missing(content: Mapping[str, object], known: KnownNames | None = None) -> Iterator[WrongName]:
    """Each rule that comes through a user to a device that lacks an area of it, while another device has it.

    That is no mistake, but somebody may want to know it.
    """
    known = known or KnownNames.of(content)
    for name, user in _mapping(content.get("users")).items():
        yield from areas_missing_of(name, user, known)


def unseen_in(content: Mapping[str, object], labels: Iterable[str]) -> Iterator[tuple[Place, str]]:
    """Each label of a rule that is not among `labels`, as its place and the label: such a rule can never be met."""
    known = set(labels)
    for rule_id, rule in _mapping(content.get("rules")).items():
        unsafe = _mapping(rule).get("unsafe")
        places = ((label, label) for label in unsafe) if isinstance(unsafe, Mapping) else enumerate(_sequence(unsafe))
        for step, label in places:
            if isinstance(label, str) and label not in known:
                yield ("rules", rule_id, "unsafe", step), label


def unknown_channels(content: Mapping[str, object], names: Iterable[str]) -> Iterator[WrongName]:
    """Each channel that is none of `names`, the channels that the deployment has beside e-mail."""
    known = {"email", *names}
    told: list[tuple[Place, object]] = [(("operator",), content.get("operator"))]
    for name, user in _mapping(content.get("users")).items():
        told.append((("users", name), user))
        devices = _mapping(_mapping(user).get("devices")).items()
        told += [(("users", name, "devices", device), each) for device, each in devices]
    for place, person in told:
        for severity, channels in _mapping(_mapping(person).get("channels")).items():
            for n, channel in enumerate(_sequence(channels)):
                if isinstance(channel, str) and channel not in known:
                    sentence = (
                        f"no channel that this deployment has ({', '.join(sorted(known)):.{_LISTED}}): {channel!r}"
                    )
                    yield WrongName((*place, "channels", severity, n), sentence, near_among(channel, known))


def unknown_languages(content: Mapping[str, object], languages: Iterable[str]) -> Iterator[WrongName]:
    """Each language that is none of `languages`: numbers and dates are written as in one near it, or as usual."""
    known = frozenset(languages)
    people: list[tuple[Place, object]] = [(("operator",), content.get("operator"))]
    people += [(("users", name), user) for name, user in _mapping(content.get("users")).items()]
    for place, person in people:
        language = _mapping(person).get("language")
        if isinstance(language, str) and language not in known:
            sentence = f"no language whose numbers and dates are known: {language!r:.80}"
            yield WrongName((*place, "language"), sentence, near_among(language, known))


def wrong_references_of(name: str, content: object, known: KnownNames) -> Iterator[WrongName]:
    """Each name in the content of one user that is not known."""
    place, user = ("users", name), _mapping(content)
    yield from _unknown_rules((*place, "rules"), user.get("rules"), known)
    heirs = _heirs(user)
    for n, ref in enumerate(_sequence(user.get("rules")) if heirs else ()):
        for rule, area in _areas(ref, known):
            if not any(area in areas for areas in heirs.values()):
                every = sorted({each for areas in heirs.values() for each in areas})
                yield _no_area((*place, "rules", n), rule, area, "no device that it is for has", every)
    for device_name, device in _mapping(user.get("devices")).items():
        below: Place = (*place, "devices", device_name, "rules")
        own = _mapping(device)
        yield from _unknown_rules(below, own.get("rules"), known)
        areas = sorted(map(str, _mapping(own.get("areas"))))
        for n, ref in enumerate(_sequence(own.get("rules"))):
            for rule, area in _areas(ref, known):
                if area not in areas:
                    yield _no_area((*below, n), rule, area, "this device does not have", areas)


def areas_missing_of(name: str, content: object, known: KnownNames) -> Iterator[WrongName]:
    """See `areas_missing`, of one user."""
    place, user = ("users", name), _mapping(content)
    heirs = _heirs(user)
    needed = [pair for ref in _sequence(user.get("rules")) for pair in _areas(ref, known)]
    for device, areas in heirs.items():
        for rule, area in needed:
            if area not in areas and any(area in others for others in heirs.values()):
                sentence = f"rule {rule} is about the area {area!r}, which this device does not have"
                yield WrongName((*place, "devices", device), sentence, near_among(area, areas))


def _heirs(user: Mapping[str, object]) -> dict[str, list[str]]:
    """The devices that have the user's rules, with the names of their areas."""
    devices = {str(name): _mapping(device) for name, device in _mapping(user.get("devices")).items()}
    return {
        name: [str(area) for area in _mapping(device.get("areas"))]
        for name, device in devices.items()
        if device.get("rules") is None
    }


def _areas(ref: object, known: KnownNames) -> Iterator[tuple[str, str]]:
    """Each area that the rules behind an item of a list of rules name, with the rule's id."""
    for rule in known.rules_of(ref):
        for area in known.areas.get(rule, ()):
            yield rule, area


def _no_area(place: Place, rule: str, area: str, who: str, areas: list[str]) -> WrongName:
    has = f"{', '.join(areas) or 'none'}"
    sentence = f"rule {rule} is about the area {area!r}, which {who} ({has:.{_LISTED}})"
    return WrongName(place, sentence, near_among(area, areas))


def _unknown_rules(place: Place, refs: object, known: KnownNames, in_group: bool = False) -> Iterator[WrongName]:
    for n, ref in enumerate(_sequence(refs)):
        # Items that are neither a whole number nor a name are mistakes of their own.
        text = str(ref)
        if isinstance(ref, bool) or not isinstance(ref, int | str) or text in known.areas:
            continue
        if _PLAIN.fullmatch(text):
            ids = ", ".join(sorted(filter(_PLAIN.fullmatch, known.areas), key=int)) or "none"
            yield WrongName((*place, n), f"expected the id of a rule ({ids:.{_LISTED}}), got {text}")
        elif isinstance(ref, str) and _GROUP.fullmatch(ref) and ref not in known.groups and not in_group:
            names = ", ".join(sorted(known.groups)) or "none"
            sentence = f"expected the id of a rule, or the name of a group ({names:.{_LISTED}}), got {ref!r}"
            yield WrongName((*place, n), sentence, near_among(ref, known.groups))


def _areas_of(rule: object) -> tuple[str, ...]:
    """The areas that a rule names; what cannot be a name is a mistake of its own."""
    names = (each for key in ("areas", "not_areas") for each in _sequence(_mapping(rule).get(key)))
    return tuple(each for each in names if isinstance(each, str) and _AREA.fullmatch(each))


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


def _sequence(value: object) -> Iterable[object]:
    return value if isinstance(value, list | tuple) else ()
