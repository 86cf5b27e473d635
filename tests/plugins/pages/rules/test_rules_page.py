"""The page of the rules in force, and of their versions."""

import pytest

from nightjar.stores.rules import RULES_KEY, RulesStore
from plugins.pages.rules.lines import SHOWN_BYTES
from tests.images.base.nightjar.cli.trials import IN_FORCE
from tests.images.base.nightjar.queries.test_rules_state import BROKEN, GOOD, put
from tests.images.base.nightjar.stores.test_rules_parts import large
from tests.plugins.pages.one_page import make_client_of
from tests.plugins.web_world import Somebody

AT = "/nightjar-ui/rules/"
EVIL = "<script>alert(1)</script>"


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ((), ["There are no rules yet", "nightjar rules put", "No version of the rules is here"]),
        ((GOOD,), ["The file in force", "labels are not checked", "there were no rules before"]),
        ((GOOD, BROKEN), ["The newest file cannot be used", "last good rules", 'href="#L2"', "did you mean unsafe?"]),
        ((BROKEN,), ["cannot be used", "no good rules before it", 'id="L2"']),
        ((large(),), ["too large to be shown whole", "<b>2,000</b>"]),
        ((GOOD.replace(b"animals", f"'{EVIL}'".encode()),), ["&lt;script&gt;alert(1)"]),
        ((f"ruls: {EVIL}\n{EVIL}: 1\n".encode(),), ["&lt;script&gt;alert(1)", "cannot be used"]),
        ((b"",), ["expected a mapping, got an empty file"]),
        ((b"a: &x 1\nb: *x\n",), ["expected no anchors and aliases"]),
        ((b"\x00\xff",), ["not UTF-8"]),
    ],
)
def test_the_state(texts: tuple[bytes, ...], expected: list[str]) -> None:
    answer = make_client_of("rules", put(*texts)).get(AT)
    assert answer.status_code == 200
    assert [each for each in expected if each not in answer.text] == []
    assert EVIL not in answer.text


@pytest.mark.parametrize(
    ("query", "status", "expected"),
    [
        ("find=alice", 200, "The part of"),
        ("find=intruder", 200, "1 line with"),
        ("find=nothing+like+it", 200, "has “nothing like it”"),
        (f"find={EVIL}", 200, "&lt;script&gt;"),
        ("find=%00%FF", 200, "Nothing in the file"),
        ("find=" + "x" * 201, 400, "at most 200 characters"),
        ("page=1", 200, "1 version."),
        ("page=2", 200, "no such page"),
        ("page=0", 400, "a whole number from 1 on"),
        ("page=-1", 400, "a whole number from 1 on"),
        ("page=²", 400, "a whole number from 1 on"),
        ("page=" + "9" * 5000, 400, "a whole number from 1 on"),
        ("page=999999999", 200, "no such page"),
        ("unknown=1", 200, "The file in force"),
    ],
)
def test_questions(query: str, status: int, expected: str) -> None:
    answer = make_client_of("rules", put(GOOD)).get(f"{AT}?{query}")
    assert (answer.status_code, expected in answer.text) == (status, True)


def test_a_user_s_part_of_a_large_file() -> None:
    client = make_client_of("rules", put(large()))
    answer = client.get(f"{AT}?find=u7").text
    assert "user7@a-long-domain" in answer
    assert "user8@a-long-domain" not in answer
    form = client.get(f"{AT}try?user=u7").text
    assert "as its only user" in form
    assert "user8@" not in form
    assert "find a user on the page of rules" in client.get(f"{AT}try").text


def test_versions() -> None:
    store = put(GOOD, GOOD.replace(b"80%", b"90%"))
    oldest = RulesStore(store).versions()[1].version_id
    client = make_client_of("rules", store)
    assert "min_probability 0.8 -&gt; 0.9" in client.get(AT).text
    answer = client.get(f"{AT}versions/{oldest}")
    assert answer.status_code == 200
    assert f"--version-id {oldest} before.yaml" in answer.text
    assert "80%" in client.get(f"{AT}try?version={oldest}").text
    for wrong in ("x", "../../etc", EVIL, "%00"):
        assert client.get(f"{AT}versions/{wrong}").status_code == 404
        assert client.get(f"{AT}try", params={"version": wrong}).status_code == 404


def test_versions_are_paged() -> None:
    client = make_client_of("rules", put(*(IN_FORCE.replace("60%", f"{n}%").encode() for n in range(50, 62))))
    first, second = client.get(AT).text, client.get(f"{AT}?page=2").text
    assert (first.count("<tr><td>"), second.count("<tr><td>")) == (10, 2)
    assert ("12 versions." in first, "?page=2#versions" in first, "?page=1#versions" in second) == (True, True, True)


def test_a_version_over_the_bound_is_not_shown() -> None:
    text = GOOD + b"#" * SHOWN_BYTES
    store = put(text)
    client = make_client_of("rules", store)
    assert "too large to be shown" in client.get(f"{AT}versions/{RulesStore(store).versions()[0].version_id}").text
    assert "too large to be shown whole" in client.get(AT).text


def test_who_may_not_read_the_dag_sees_nothing() -> None:
    client = make_client_of("rules", put(GOOD), person=Somebody(reads=frozenset()))
    for path in ("", "try", "versions/x", "tried/x"):
        assert client.get(f"{AT}{path}").status_code == 403


def test_an_unreadable_file_is_told() -> None:
    store = put(GOOD)
    store.make_unreadable(RULES_KEY)
    answer = make_client_of("rules", store).get(AT)
    assert answer.status_code == 200
    assert "no run can begin" in answer.text
