"""A notice as plain text: a line for a telephone, a page for a chat. Pure.

E-mail has its own templates; everything else shows text.
"""

from collections.abc import Iterator

from nightjar.domain.notices import Notice

REPEATED = "[possibly repeated] "
SHORT = 160  # characters of one SMS
_MOST_ROWS = 20  # of a section


def subject(notice: Notice, *, possibly_repeated: bool) -> str:
    """The subject, which says where the message may be a repetition."""
    return _line(f"{REPEATED if possibly_repeated else ''}{notice.subject}")


def short(notice: Notice, *, possibly_repeated: bool, most: int = SHORT) -> str:
    """The event, its place and its time in one line of at most `most` characters."""
    line = subject(notice, possibly_repeated=possibly_repeated)
    if notice.when and len(longer := f"{line}. {_line(notice.when)}") <= most:
        line = longer
    return line if len(line) <= most else f"{line[: most - 1].rstrip()}…"


def page(notice: Notice) -> str:
    """All that the notice says, below its subject."""
    blocks = ("\n".join(block) for block in _blocks(notice))
    return "\n\n".join(block for block in blocks if block.strip())


def _blocks(notice: Notice) -> Iterator[list[str]]:
    yield [notice.when]
    yield [f"{fact.name}: {fact.value}" for fact in notice.facts]
    yield from ([paragraph] for paragraph in notice.paragraphs)
    for section in notice.sections:
        rows = [f"- {row.when} {row.what}{f' ({row.note})' if row.note else ''}" for row in section.rows[:_MOST_ROWS]]
        left_out = len(section.rows) - len(rows)
        more = [section.more] if section.more else []
        yield [section.title, *rows, *([f"- and {left_out} more"] if left_out > 0 else []), *more]
    yield [f"{action.words}: {action.link or action.command}" for action in notice.actions]
    yield [line for line in (notice.why, notice.internal) if line]


def _line(text: str) -> str:
    return " ".join(text.split())
