"""A rules file of which any part may be wrong or missing: the mistakes that still can be told, beside the others."""

import re
from collections.abc import Iterable, Iterator, Mapping

Place = tuple[str | int, ...]  # the keys and numbers that lead to a value
_PLAIN = re.compile(r"0|[1-9][0-9]{0,17}")


def unknown_rules(rules: Mapping[str, object]) -> Iterator[tuple[Place, str]]:
    """Each id in a list of rules that no rule has, as its place and a sentence.

    `rules` is the content of a rules file, of which any other part may be wrong or missing.
    """
    # A key like 0100 or 1_00 is a mistake of its own; the lists that mean it are no further ones.
    ids = {str(each).replace("_", "").lstrip("0") for each in _mapping(rules.get("rules"))}
    known = ", ".join(sorted(filter(_PLAIN.fullmatch, ids), key=int)) or "none"
    for place, listed in _lists_of_rules(rules):
        for n, each in enumerate(listed):
            # Items that are no whole number are mistakes of their own, too.
            is_id = isinstance(each, int | str) and not isinstance(each, bool) and _PLAIN.fullmatch(str(each))
            if is_id and str(each) not in ids:
                yield (*place, n), f"expected the id of a rule ({known:.200}), got {each}"


def _lists_of_rules(rules: Mapping[str, object]) -> Iterator[tuple[Place, Iterable[object]]]:
    for user_name, user in _mapping(rules.get("users")).items():
        user = _mapping(user)
        yield ("users", user_name, "rules"), _sequence(user.get("rules"))
        for device_name, device in _mapping(user.get("devices")).items():
            place = ("users", user_name, "devices", device_name, "rules")
            yield place, _sequence(_mapping(device).get("rules"))


def unseen_in(rules: Mapping[str, object], labels: Iterable[str]) -> Iterator[tuple[Place, str]]:
    """Each label of a rule that is not among `labels`, as its place and the label: such a rule can never be met.

    `rules` is the content of a rules file, of which any other part may be wrong or missing.
    """
    known = set(labels)
    for rule_id, rule in _mapping(rules.get("rules")).items():
        for n, label in enumerate(_sequence(_mapping(rule).get("unsafe"))):
            if isinstance(label, str) and label not in known:
                yield ("rules", rule_id, "unsafe", n), label


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


def _sequence(value: object) -> Iterable[object]:
    return value if isinstance(value, list | tuple) else ()
