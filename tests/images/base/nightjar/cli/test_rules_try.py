"""`nightjar rules try`, as a program would be called."""

import json
from pathlib import Path

import pytest

from nightjar.cli.main import main
from nightjar.cli.trial_page import page
from nightjar.domain.dry_run import NO_CHANNEL
from nightjar.domain.policy import Held
from nightjar.domain.rules import Safe
from nightjar.domain.why_not_sent import NOT_SEEN
from nightjar.errors import InputError
from nightjar.queries.trial import Asked, run_trial
from nightjar.queries.trial_words import REASONS
from nightjar.runtime.memory import MemoryStore
from nightjar.runtime.rules import parse_rules
from nightjar.runtime.s3 import S3Store
from nightjar.stores.rules import RulesStore
from tests.images.base.nightjar.cli.trials import IN_FORCE, MAKER, at, two_days

NEW = IN_FORCE.replace("[person, car], min_probability: 60%", "{person: 70%}").replace("animals", "<b>animals</b>")


@pytest.fixture
def new(tmp_path: Path) -> Path:
    file = tmp_path / "new.yaml"
    file.write_text(NEW)
    return file


def test_what_is_gained_and_lost(
    s3_store: S3Store, new: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    two_days(s3_store)
    RulesStore(s3_store).put(IN_FORCE.encode())
    before = sorted(v.version_id for v in s3_store.list_versions(""))
    command = ["rules", "try", "--rules", str(new), "--from", "2026-11-20", "--to", "2026-11-21"]
    assert main(command) == 0
    said = capsys.readouterr().out
    assert "2 alerts instead of 4 under the rules in force: 0 gained, 2 lost" in said
    assert "18 pictures of 2 cameras" in said
    assert "Assumed: every picture arrives" in said
    assert "lost  Fri 20 Nov 2026 10:00:00 CET  alice-porch  car     200 intruder  not-unsafe" in said
    assert "lost  Sat 21 Nov 2026 13:30:00 CET  alice-porch  person  200 intruder  below-probability" in said
    assert main([*command, "--user", "bob", "--json", "--out", str(tmp_path / "page")]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["alerts"] == {"in_force": 1, "new": 1, "gained": 0, "lost": 0}
    assert [m["change"] for m in found["messages"]] == ["same"]
    assert "Sent by both" in (tmp_path / "page" / "rules-try.html").read_text()
    assert sorted(v.version_id for v in s3_store.list_versions("")) == before


@pytest.mark.parametrize(
    ("arguments", "code", "expected"),
    [
        ([], 64, "--rules"),
        (["--rules", "new.yaml"], 64, "expected --from with the first day to try"),
        (["--rules", "missing.yaml", "--from", "2026-11-20"], 64, "expected a file at 'missing.yaml'"),
        (["--rules", "bad.yaml", "--from", "2026-11-20"], 64, "line 1"),
        (["--rules", "new.yaml", "--from", "tomorrow"], 64, "expected a UTC day"),
        (["--rules", "new.yaml", "--from", "2026-11-21", "--to", "2026-11-20"], 64, "expected --from before --to"),
        (["--rules", "new.yaml", "--from", "2999-01-01"], 64, "expected --from in the past"),
        (["--rules", "new.yaml", "--from", "2026-11-20", "--user", "alise"], 64, "did you mean alice?"),
        (["--rules", "new.yaml", "--from", "2026-10-01", "--to", "2026-10-02"], 65, "found none"),
        (["--rules", "new.yaml", "--from", "2026-11-20", "--detector", "x"], 64, "--detector"),
    ],
)
def test_mistakes(
    s3_store: S3Store,
    new: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    code: int,
    expected: str,
) -> None:
    two_days(s3_store)
    monkeypatch.chdir(new.parent)
    Path("bad.yaml").write_text("ruls: 1\n")
    assert main(["rules", "try", *arguments]) == code
    assert expected in capsys.readouterr().err


def test_without_rules_in_force_all_is_gained_and_the_page_is_escaped() -> None:
    store = MemoryStore()
    two_days(store)
    asked = Asked(MAKER, at("00:00"), at("00:00", day=2))
    trial = run_trial(store, asked, None, parse_rules(NEW.replace("rules: [200]", "rules: [100, 200]").encode()))
    assert [(c.rule_id, c.before, c.after, c.gained) for c in trial.counts] == [
        (100, 0, 1, 1),
        (200, 0, 1, 1),
        (200, 0, 1, 1),
    ]
    text = page(store, trial, "none", "new <i>").decode()
    assert "<b>animals</b>" not in text
    assert "new <i>" not in text
    assert "100 &lt;b&gt;animals&lt;/b&gt;" in text


def test_damaged_lines_are_named() -> None:
    store = MemoryStore()
    two_days(store)
    key = next(info.key for info in store.list_objects("detections/") if "bob-shop" in info.key)
    store.put(key, b'{"picture": {"user": "bob"}}\n')
    with pytest.raises(InputError, match=r"in line 1 of .*bob-shop"):
        run_trial(store, Asked(MAKER, at("00:00"), at("00:00", day=2)), None, parse_rules(NEW.encode()))


def test_every_reason_has_words() -> None:
    assert {*Safe, *(set(Held) - {Held.TOO_LATE}), NO_CHANNEL, NOT_SEEN} == set(
        REASONS
    )  # no picture of a dry run comes too late
