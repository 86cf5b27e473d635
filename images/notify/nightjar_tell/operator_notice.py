"""The notices to the operator that Nightjar itself is in trouble, and that it is no longer."""

from collections.abc import Sequence
from dataclasses import replace

from nightjar.domain.notices import Action, Fact, Notice, NoticeKind, Row, Section
from nightjar.domain.rules import Recipient, Severity
from nightjar.domain.troubles import Notice as Which
from nightjar.domain.troubles import Trouble
from nightjar_notify.wording.locale import Writing, lasted

_LINK = "Where"
_STATUS = "The command nightjar status tells how Nightjar is."
_MOST_ROWS = 50


def operator_notice(trouble: Trouble, which: Which, operator: Recipient) -> Notice:
    """The notice about the deployment's `trouble`, or, with ENDED, that it is over; the words are the trouble's."""
    writing, is_over = Writing.of(operator), which is Which.ENDED
    words, key = trouble.facts, f"{trouble.about}-{trouble.kind}-{trouble.number}"
    at = (trouble.ended_at or trouble.opened_at) if is_over else trouble.opened_at
    title = words.title or words.text or trouble.kind
    headline = f"Over: {title}" if is_over else title
    facts = [Fact("Since", writing.line(trouble.since))]
    if is_over:
        facts.append(Fact("Lasted", lasted(at - trouble.since)))
    # A button only where every mail client follows it.
    has_button = words.link.startswith("https://")
    if words.link and not has_button:
        facts.append(Fact(_LINK, words.link))
    advice = () if is_over else (words.effect, words.todo, _STATUS)
    return Notice(
        id=f"{key}-over" if is_over else key,
        kind=NoticeKind.OPERATOR_OVER if is_over else NoticeKind.OPERATOR,
        severity=severity_of(trouble),
        headline=headline,
        subject=f"Nightjar: {headline}"[:200],
        when=writing.line(at),
        at=operator.local(at),
        about=key,
        facts=tuple(facts),
        paragraphs=tuple(filter(None, (words.text or title, *advice))),
        actions=(Action("Open the run in Airflow", link=words.link),) if has_button else (),
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
    rows = tuple(Row(f"{each.at:%Y-%m-%d %H:%M}", each.paragraphs[0], _link(each)) for each in notices[:_MOST_ROWS])
    left = len(notices) - len(rows)
    return replace(
        first,
        headline=headline,
        subject=f"Nightjar: {headline}"[:200],
        facts=(),
        paragraphs=tuple(dict.fromkeys(words for each in notices for words in each.paragraphs[1:])),
        sections=(Section("Troubles", rows, f"and {left} more: nightjar status shows them" if left else ""),),
        actions=(),
        internal=", ".join(each.internal for each in notices[:_MOST_ROWS]),
    )


def severity_of(trouble: Trouble) -> Severity:
    """That of a trouble; one that a later release added is a warning."""
    return Severity(trouble.severity) if trouble.severity in list(Severity) else Severity.WARNING


def _link(notice: Notice) -> str:
    links = [*(action.link for action in notice.actions), *(fact.value for fact in notice.facts if fact.name == _LINK)]
    return links[0] if links else ""
