"""The notices to the operator that Nightjar itself is in trouble, and that it is no longer."""

from nightjar.domain.notices import Action, Fact, Notice, NoticeKind
from nightjar.domain.rules import Recipient, Severity
from nightjar.domain.troubles import Notice as Which
from nightjar.domain.troubles import Trouble
from nightjar_notify.wording.locale import Writing, lasted

_LOOK = "The command nightjar status tells how Nightjar is."


def operator_notice(trouble: Trouble, which: Which, operator: Recipient) -> Notice:
    """The notice about the deployment's `trouble`, or, with ENDED, that it is over; the words are the trouble's."""
    writing, is_over = Writing.of(operator), which is Which.ENDED
    key = f"{trouble.about}-{trouble.kind}-{trouble.number}"
    at = (trouble.ended_at or trouble.opened_at) if is_over else trouble.opened_at
    said = trouble.facts
    title = said.title or said.text or trouble.kind
    headline = f"Over: {title}" if is_over else title
    facts = [Fact("It was" if is_over else "What", said.text or title), Fact("Since", writing.line(trouble.since))]
    if is_over:
        facts.append(Fact("Lasted", lasted(at - trouble.since)))
    return Notice(
        id=f"{key}-over" if is_over else key,
        kind=NoticeKind.OPERATOR_OVER if is_over else NoticeKind.OPERATOR,
        severity=Severity(trouble.severity) if trouble.severity in list(Severity) else Severity.WARNING,
        headline=headline,
        subject=f"Nightjar: {headline}",
        when=writing.line(at),
        at=operator.local(at),
        about=key,
        facts=tuple(facts),
        paragraphs=() if is_over else tuple(each for each in (said.effect, said.todo, _LOOK) if each),
        actions=(Action("See it in Airflow", link=said.link),) if said.link else (),
        why="You get this because the rules name you as the operator.",
        internal=f"Trouble {trouble.kind} {trouble.number}",
        language=operator.language,
    )
