"""Every example in the docs is what it is shown for: the code reads rules and JSON, parsers read the commands."""

import argparse
import json
import re
import shlex
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apprise
import pytest
from airflow.api_fastapi.core_api.datamodels.dag_run import DAGRunClearBody
from airflow.api_fastapi.core_api.datamodels.task_instances import ClearTaskInstancesBody
from airflow.cli.cli_parser import get_parser
from openlineage.client.transport import get_default_factory
from pydantic import SecretStr

from docs.generate import pages
from nightjar.cli.main import command_line
from nightjar.domain.detections import Detection, How, Mark
from nightjar.domain.names import parse_footage_name
from nightjar.domain.release import Images
from nightjar.errors import UsageError
from nightjar.runtime.rules import parse_rules
from nightjar.settings.channels import ChannelSecrets
from nightjar_detect.model import parse_card
from nightjar_local import demo_command
from operators.settings import DeploymentSettings

ROOT = Path(__file__).resolve().parent.parent
# The changelog and the decisions also tell of what was.
PAGES = [page for page in pages() if page.name != "CHANGELOG.md" and page.parent.name != "decisions"]
DAYS = ("day", "from", "to")


def blocks(text: str) -> list[str]:
    """The code blocks of a page: indented by four or more, after an empty line or a heading, or fenced; no programs."""
    fenced = re.findall(r"^```(?!python|diff|yaml)\w*\n(.*?)^```", text, re.M | re.S)
    rest = re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)
    indented = re.findall(r"(?:\A|\n\n|^#.*\n)((?: {4,}.*\n?|\n(?= {4}))+)", rest, re.M)
    return [textwrap.dedent(block) for block in (*fenced, *indented)]


def lines(text: str) -> list[str]:
    """The lines of all code blocks, with those that go on in the next one joined."""
    return [line.strip() for block in blocks(text) for line in block.replace("\\\n", " ").splitlines()]


def spans(text: str) -> list[str]:
    """Code in prose."""
    return re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S))


def words_of(command: str) -> list[str]:
    """The words of a command, with values for what stands for any, and without settings before it and comments."""
    filled = re.sub(r"<(\w+)[^>]*>", lambda found: "2026-11-20" if found[1] in DAYS else found[1], command)
    words = shlex.split(filled.replace("[", "").replace("]", "").replace("…", "x"), comments=True)
    while words and re.match(r"[A-Z_]+=", words[0]):
        words.pop(0)
    return words


def commands(program: str) -> list[tuple[str, bool]]:
    """Each example of a program, and whether it is shown as it is to be typed (in a block) or named in prose."""
    known: dict[str, bool] = {}
    pattern = re.compile(rf"(?:[A-Z_]+=\S* )*{program}(?: |$)")
    for page in PAGES:
        text = page.read_text()
        known |= {span: False for span in spans(text) if pattern.match(span)}
        known |= {line: True for line in lines(text) if pattern.match(line)}
    return sorted(known.items())


RULES = [
    (page.name, block) for page in PAGES for block in blocks(page.read_text()) if re.search(r"^users:", block, re.M)
]
JSON = [(page.name, block) for page in PAGES for block in blocks(page.read_text()) if '{"' in block]


def test_examples_are_found() -> None:
    assert {name for name, _ in RULES} >= {"README.md", "operate.md"}
    assert {name for name, _ in JSON} >= {"design.md", "operate.md"}
    assert len(commands("nightjar")) >= 8
    assert len(commands("make")) >= 10
    assert len(commands("airflow")) >= 1


@pytest.mark.parametrize(("name", "block"), RULES)
def test_rules_can_be_used(name: str, block: str) -> None:
    rules = parse_rules(block.encode(), name)
    assert rules.rules
    assert rules.cameras


def test_footage_has_names_that_are_taken() -> None:
    """A name in which `$(…)` or `<…>` stands for a part is not looked at."""
    shown = [
        name for page in PAGES for line in lines(page.read_text()) for name in re.findall(r"incoming/([\w.-]+)$", line)
    ]
    assert shown
    for name in shown:
        assert parse_footage_name(name).camera.user


def images(value: dict[str, Any]) -> None:
    assert Images.model_validate(value)


def pods(value: dict[str, Any]) -> None:
    assert DeploymentSettings.model_validate({"stages": value}).stages


def clearing(value: dict[str, Any]) -> None:
    assert ClearTaskInstancesBody.model_validate(value).model_fields_set == set(value)


def clearing_a_run(value: dict[str, Any]) -> None:
    assert DAGRunClearBody.model_validate(value).model_fields_set == set(value)


def detection(value: dict[str, Any]) -> None:
    read = Detection.model_validate(value)
    assert read.objects
    assert json.loads(read.model_dump_json(by_alias=True, exclude_unset=True)) == value


def channels(value: dict[str, Any]) -> None:
    """Addresses that Apprise, or NRDP, understands."""
    secrets = ChannelSecrets(urls=SecretStr(json.dumps(value)))
    for name, url in secrets.by_name().items():
        is_nagios = url.get_secret_value().startswith("nrdp")
        assert is_nagios or apprise.Apprise.instantiate(url.get_secret_value()), name


def model_card(value: dict[str, Any]) -> None:
    assert parse_card(json.dumps(value).encode()).labels


def transport(value: dict[str, Any]) -> None:
    assert get_default_factory().create(value).kind == value["type"]


# A key that tells the kind of an example (the first of its keys that is here), and the reader of that kind.
def mark(value: dict[str, Any]) -> None:
    read = Mark.model_validate(value["mark"])
    assert isinstance(read.how, How)
    assert len(read.sources) == 2


KINDS: dict[str, Callable[[dict[str, Any]], None]] = {
    "registry": images,
    "dag_run_id": clearing,
    "dry_run": clearing_a_run,
    "picture": detection,
    "mark": mark,
    "artefacts": model_card,
    "oncall": channels,
    "endpoint": transport,
}


def json_in(block: str) -> list[str]:
    """The JSON of a block: the words of commands that are JSON, or all from its first line that is."""
    if "'{" in block:
        words = shlex.split(block.replace("\\\n", " "), comments=True)
        return [word[word.index("{") :] for word in words if '{"' in word]
    return [block[block.index('{"') :]]


@pytest.mark.parametrize(("name", "block"), JSON)
def test_json_is_what_it_claims_to_be(name: str, block: str) -> None:
    for text in json_in(block):
        value = json.loads(text)
        assert isinstance(value, dict)
        is_setting = "NIGHTJAR_STAGES='{" in block
        reader = pods if is_setting else next((KINDS[key] for key in value if key in KINDS), None)
        assert reader, f"{name}: no reader in KINDS for {text[:80]}"
        reader(value)


def actions(parser: argparse.ArgumentParser, words: list[str]) -> tuple[set[str], list[str]]:
    """The flags of the command that `words` name, and the words that are left."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction) and words and words[0] in action.choices:
            return actions(action.choices[words[0]], words[1:])
    return set(parser._option_string_actions), words


@pytest.mark.parametrize(("command", "is_whole"), commands("nightjar"))
def test_commands_of_nightjar_are_understood(command: str, is_whole: bool) -> None:
    parser = command_line(more=(demo_command,))
    words = words_of(command)[1:]
    if is_whole:
        try:
            parser.parse_args(words)
        except UsageError as error:
            pytest.fail(f"{command}: {error}")
    flags, left = actions(parser, words)
    assert left != words or not words, f"no command {command!r}"
    assert {word.partition("=")[0] for word in left if word.startswith("--")} <= flags, command


@pytest.mark.parametrize(("command", "is_whole"), commands("make"))
def test_commands_of_make_are_understood(command: str, is_whole: bool) -> None:
    del is_whole
    makefile = (ROOT / "Makefile").read_text()
    for word in words_of(command)[1:]:
        name, given, _ = word.partition("=")
        if given:
            assert re.search(rf"\b{name}\b", makefile), f"{command}: make knows no {name}"
        elif not word.startswith("-"):
            assert re.search(rf"^{re.escape(word)}:", makefile, re.M), f"{command}: make has no target {word}"


@pytest.mark.parametrize(("command", "is_whole"), commands("airflow"))
def test_commands_of_airflow_are_understood(command: str, is_whole: bool) -> None:
    words = words_of(command)[1:]
    if is_whole:
        given = get_parser().parse_args(words)
        if dag_id := getattr(given, "dag_id", None):
            assert dag_id in {f"nightjar_{name}" for name in ("watch", "live", "history", "report")}, command
    elif words:
        flags, left = actions(get_parser(), words)
        assert left != words, f"no command {command!r}"
        assert {word for word in left if word.startswith("--")} <= flags, command
