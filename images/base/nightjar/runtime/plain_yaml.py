"""A quick reader for the plainest YAML: block mappings of plain keys, and short values in a line.

A file of a million users is hundreds of megabytes of such text, for which a YAML parser takes minutes. Whatever is not
plain beyond doubt (an anchor, a tag, a list in block style, text over several lines, a number that people may read
otherwise, a key given twice, an error) is not read here but left to `read_yaml`, which reads it, or says what is wrong.
Everything read here has the value that `read_yaml` gives it; a test holds them against each other.
"""

import re

Value = dict[str, "Value"] | list["Value"] | str | int | float | bool | None

_LINE = re.compile(r"( *)([A-Za-z0-9_]{1,64}):(?: +(?!#)(.*?))?(?: +#.*| *)")
_BLANK = re.compile(r" *(?:#.*)?")
_TOKEN = re.compile(
    r" *(?:([\[\]{},])"
    r'|"([^"\\\n]*)"|\'([^\'\n]*)\''
    r"|([A-Za-z0-9_][A-Za-z0-9_./@+%-]*(?: [A-Za-z0-9_./@+%-]+)*)(:(?= |$|[\[\]{},]))?) *"
)
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./@+-]*(?: [A-Za-z0-9_./@+-]+)*")
_WHOLE = re.compile(r"0|[1-9][0-9]{0,14}")
_FRACTION = re.compile(r"[0-9]{1,15}\.[0-9]{1,15}")
_PERCENT = re.compile(r"[0-9]{1,6}(?:\.[0-9]{1,6})?%")
# Words of YAML 1.1 that are no text, as they are usually written; in other mixes of capitals they are not read here.
_WORDS: dict[str, Value] = {
    form: value
    for words, value in ((("true", "yes", "on"), True), (("false", "no", "off"), False), (("null",), None))
    for word in words
    for form in (word, word.capitalize(), word.upper())
}
_SPECIAL = {word.casefold() for word in _WORDS}
_DEEPEST = 8
_MOST_KNOWN = 50_000  # values that are remembered: most users have the same few


class _Unknown:
    """No value is remembered."""


_UNKNOWN = _Unknown()


class NotPlainError(Exception):
    """The text is not plain: it has to be read by `read_yaml`."""


class PlainReader:
    """Reads entries of a block mapping; remembers the values that it meets again and again."""

    def __init__(self) -> None:
        self._known: dict[str, Value] = {}

    def entry(self, text: str) -> tuple[str, Value]:
        """The one entry of a mapping in `text`, `key: …` with all that is indented below it, as its key and value.

        Raises NotPlainError. Values are shared between calls: they must not be changed.
        """
        lines = text.split("\n")
        found = _LINE.fullmatch(lines[0])
        if not found:
            raise NotPlainError
        mapping, end = self._block(lines, 0, len(found[1]), 0)
        if end != len(lines) or len(mapping) != 1:
            raise NotPlainError
        return next(iter(mapping.items()))

    def _block(self, lines: list[str], start: int, indent: int, depth: int) -> tuple[dict[str, Value], int]:
        """The mapping whose keys are indented by `indent` from line `start` on, and the line behind it."""
        if depth > _DEEPEST:
            raise NotPlainError
        mapping: dict[str, Value] = {}
        at, last = start, ""  # `last`: a key without a value, whose value may follow
        while at < len(lines):
            line = lines[at]
            found = _LINE.fullmatch(line)
            if not found:
                if not _BLANK.fullmatch(line):
                    raise NotPlainError
                at += 1
                continue
            spaces, key, text = found.groups()
            if len(spaces) > indent:
                if not last:
                    raise NotPlainError
                mapping[last], at = self._block(lines, at, len(spaces), depth + 1)
                last = ""
                continue
            if len(spaces) < indent:
                break
            if key in mapping:
                raise NotPlainError
            mapping[key] = self._value(text) if text else None
            last = "" if text else key
            at += 1
        return mapping, at

    def _value(self, text: str) -> Value:
        known = self._known
        value = known.get(text, _UNKNOWN)  # in one step: several threads may read at the same time
        if not isinstance(value, _Unknown):
            return value
        value = _in_line(text)
        if "@" not in text:  # an address is met once
            if len(known) >= _MOST_KNOWN:
                known.clear()
            known[text] = value
        return value


def _in_line(text: str) -> Value:
    if _PLAIN.fullmatch(text) and text.casefold() not in _SPECIAL:
        return text
    value, end = _flow(text, 0, 0)
    if end != len(text):
        raise NotPlainError
    return value


def _flow(text: str, at: int, depth: int) -> tuple[Value, int]:
    """The value that begins at `at`, and where it ends."""
    found = _TOKEN.match(text, at)
    if not found or depth > _DEEPEST or found[5]:
        raise NotPlainError
    if found[1] == "[":
        return _list(text, found.end(), depth)
    if found[1] == "{":
        return _mapping(text, found.end(), depth)
    return _scalar(found), found.end()


def _list(text: str, at: int, depth: int) -> tuple[Value, int]:
    items: list[Value] = []
    found = _TOKEN.match(text, at)
    if found and found[1] == "]":
        return items, found.end()
    while True:
        value, at = _flow(text, at, depth + 1)
        items.append(value)
        found = _TOKEN.match(text, at)
        if not found or found[1] not in (",", "]"):
            raise NotPlainError
        at = found.end()
        if found[1] == "]":
            return items, at


def _mapping(text: str, at: int, depth: int) -> tuple[Value, int]:
    mapping: dict[str, Value] = {}
    found = _TOKEN.match(text, at)
    if found and found[1] == "}":
        return mapping, found.end()
    while True:
        key = _TOKEN.match(text, at)
        if not key or not key[5] or " " in key[4] or key[4] in mapping:
            raise NotPlainError
        after = _TOKEN.match(text, key.end())
        if after and after[1] in (",", "}"):  # nothing behind the colon
            mapping[key[4]] = None
        else:
            mapping[key[4]], at = _flow(text, key.end(), depth + 1)
            after = _TOKEN.match(text, at)
        if not after or after[1] not in (",", "}"):
            raise NotPlainError
        at = after.end()
        if after[1] == "}":
            return mapping, at


def _scalar(found: re.Match[str]) -> Value:
    for quoted in (found[2], found[3]):
        if quoted is not None:
            if not quoted.isprintable():
                raise NotPlainError
            return quoted
    text = found[4]
    if text is None:
        raise NotPlainError
    if text in _WORDS:
        return _WORDS[text]
    if _PLAIN.fullmatch(text):
        if text.casefold() in _SPECIAL:
            raise NotPlainError
        return text
    if _WHOLE.fullmatch(text):
        return int(text)
    if _FRACTION.fullmatch(text):
        return float(text)
    if _PERCENT.fullmatch(text):
        return text
    raise NotPlainError
