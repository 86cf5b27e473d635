"""The notices to the operator that Nightjar itself is in trouble, and that it is no longer."""

from collections.abc import Sequence
from dataclasses import replace

from nightjar.domain.notices import Action, Fact, Notice, NoticeKind, Row, Section
from nightjar.domain.rules import Recipient, Severity
from nightjar.domain.troubles import Notice as Which
from nightjar.domain.troubles import Trouble
from nightjar_notify.wording.locale import Writing, lasted

_WHAT, _LINK = "What", "Where"
_MOST_ROWS = 50


def operator_notice(trouble: Trouble, which: Which, operator: Recipient) -> Notice:
    """The notice about the deployment's `trouble`, or, with ENDED, that it is over; the words are the trouble's."""
    writing, is_over = Writing.of(operator), which is Which.ENDED
    words, key = trouble.facts, f"{trouble.about}-{trouble.kind}-{trouble.number}"
    at = (trouble.ended_at or trouble.opened_at) if is_over else trouble.opened_at
    title = words.title or words.text or trouble.kind
    headline = f"Over: {title}" if is_over else f"Nightjar: {title}"
    facts = [Fact(_WHAT, words.text or title), Fact("Since", writing.line(trouble.since))]
    if is_over:
        facts.append(Fact("Lasted", lasted(at - trouble.since)))
    if words.link:
        facts.append(Fact(_LINK, words.link))
    return Notice(
        id=f"{key}-over" if is_over else key,
        kind=NoticeKind.OPERATOR_OVER if is_over else NoticeKind.OPERATOR,
        severity=severity_of(trouble),
        headline=headline,
        subject=headline[:200],
        when=writing.line(at),
        at=operator.local(at),
        about=key,
        facts=tuple(facts),
        paragraphs=() if is_over else tuple(filter(None, (words.effect, words.todo, _STATUS))),
        # A button only where a mail client follows it; the address is among the facts as well.
        actions=(Action("Open the run in Airflow", link=words.link),) if words.link.startswith("https://") else (),
        why="You get this because the rules name you as the operator. It is told once, and again when it is over.",
        internal=f"Trouble {trouble.kind} {trouble.number}",
        language=operator.language,
    )


def together(notices: Sequence[Notice]) -> Notice:
    """One notice about several troubles, the first of which gives it its name; all have come up, or all are over."""
    first, more = notices[0], len(notices) - 1
    if not more:
        return first
    headline = f"{first.headline}, and {more} more {'trouble' if more == 1 else 'troubles'}"
    rows = tuple(Row(each.when, _fact(each, _WHAT), _fact(each, _LINK)) for each in notices[:_MOST_ROWS])
    left = len(notices) - len(rows)
    return replace(
        first,
        headline=headline,
        subject=headline[:200],
        facts=(),
        paragraphs=tuple(dict.fromkeys(words for each in notices for words in each.paragraphs)),
        sections=(Section("Troubles", rows, f"and {left} more: nightjar status shows them" if left else ""),),
        actions=(),
        internal=", ".join(each.internal for each in notices[:_MOST_ROWS]),
    )


def severity_of(trouble: Trouble) -> Severity:
    """That of a trouble; one that a later release added is a warning."""
    return Severity(trouble.severity) if trouble.severity in list(Severity) else Severity.WARNING


_STATUS = "nightjar status shows what is open."


def _fact(notice: Notice, name: str) -> str:
    return next((fact.value for fact in notice.facts if fact.name == name), "")
