"""The kind of thing that a key names, whatever text it is."""

from datetime import date

import pytest

from nightjar.domain.lineage.nodes import Kind
from nightjar.stores.key_kinds import day_of_report, kind_of, rules_key, rules_of, run_of


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        ("alerts/2026/11/20/0123456789abcdef.json", Kind.ALERT),
        ("alerts/notices/2026/11/20/alice-porch-covered-1.json", Kind.NOTICE),
        ("events/2026/11/20/alice-porch/0123456789abcdef.json", Kind.EVENT),
        ("detections/0123456789abcdef/2026/11/20/alice-porch/b.jsonl", Kind.DETECTION),
        ("detections/0123456789abcdef/model_card.json", Kind.OBJECT),
        ("standard/2026/11/20/12/alice-porch/1763647500.jpg", Kind.PICTURE),
        ("footage/2026/11/20/12/alice-porch-1763647500.mp4", Kind.ORIGINAL),
        ("incoming/a/b", Kind.UPLOAD),
        ("quarantine/grey/2026/11/20/0123456789abcdef0123456789abcdef/", Kind.REFUSAL),
        ("reports/2026/11/20/report.html", Kind.REPORT),
        ("reports/2026/11/20/funnel.png", Kind.PLOT),
        ("reports/2026/13/20/funnel.png", Kind.OBJECT),
        ("records/pictures/date=2026-11-20/day.parquet", Kind.ROWS),
        ("records/news/2026-11-20/x.json", Kind.OBJECT),
        (f"rules/{'a' * 64}.yaml", Kind.RULES),
        ("rules/x.yaml", Kind.OBJECT),
        ("config/rules.yaml", Kind.RULES_FILE),
        ("outbox/2026/11/20/alice-porch/1.eml", Kind.MESSAGE),
        ("", Kind.OBJECT),
        ("../alerts/x.json", Kind.OBJECT),
    ],
)
def test_kinds(key: str, kind: Kind) -> None:
    assert kind_of(key) is kind


@pytest.mark.parametrize(
    ("text", "run"),
    [
        ("runs/nightjar_live/b1/shards/x/shard.jsonl", ("nightjar_live", "b1")),
        ("nightjar_live/b1", ("nightjar_live", "b1")),
        ("nightjar_history/2026-11-20/", ("nightjar_history", "2026-11-20")),
        ("nightjar_live/..", None),
        ("nightjar_live/", None),
        ("other/b1", None),
        ("", None),
    ],
)
def test_runs(text: str, run: tuple[str, str] | None) -> None:
    assert run_of(text) == run


def test_rules_and_reports() -> None:
    assert rules_of(rules_key("a" * 64)) == "a" * 64
    assert rules_of("rules/a.yaml") == ""
    assert day_of_report("reports/2026/11/20/funnel.png") == date(2026, 11, 20)
    assert day_of_report("reports/2026/11/20/a/b.png") is None
