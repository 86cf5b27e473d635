"""docs/kubernetes/: its values, files, objects and commands are those of the chart and the code."""

import re
import shlex
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import botocore.session
import pytest
import yaml

from docs.generate import pages
from nightjar.domain.stages import STAGE_IMAGES, STAGES
from operators.settings import DeploymentSettings
from tests.helm.chart import CHART, MINIMAL, Manifest, check_kubernetes, merged, rendered
from tests.test_docs_examples import lines, spans

ROOT = Path(__file__).resolve().parents[1]
PAGES = [page for page in pages() if page.name != "CHANGELOG.md" and page.parent.name != "decisions"]
# What a page's values are laid over: a database is needed.
BASE = merged(MINIMAL, {"airflow": {"database": {"existingSecret": "nightjar-database"}}})
TRIAL = merged(MINIMAL, {"postgres": {"enabled": True}})
NAMESPACES = {"nightjar", "nightjar-stages"}
SECTIONS = tuple(yaml.safe_load((CHART / "values.yaml").read_text()))
HELM = {
    "install": {"--namespace", "--create-namespace", "-f", "--set", "--set-file", "--wait", "--timeout"},
    "upgrade": {"--namespace", "-f", "--set", "--set-file", "--wait", "--timeout", "--install", "--reuse-values"},
    "rollback": {"--namespace", "--wait", "--timeout"},
    "history": {"--namespace"},
    "uninstall": {"--namespace", "--wait"},
}
KINDS = {
    "deployment": "Deployment",
    "service": "Service",
    "secret": "Secret",
    "configmap": "ConfigMap",
    "job": "Job",
    "pod": "Pod",
    "serviceaccount": "ServiceAccount",
    "statefulset": "StatefulSet",
}
# Of the aws command itself.
GLOBAL = {"--query", "--output", "--region", "--endpoint-url", "--recursive"}


def files_of(page: Path) -> list[tuple[str, str]]:
    """The YAML of a page, each with the name of the file that its first line tells."""
    return re.findall(r"^```yaml\n# (\S+)\n(.*?)^```", page.read_text(), re.M | re.S)


def commands(program: str) -> list[tuple[str, str]]:
    """Each command of the pages' blocks, with its page; what `$(…)` and pipes begin counts as one of its own."""
    found = []
    for page in PAGES:
        for line in lines(page.read_text()):
            for part in re.split(r"\$\(|\)(?=$|\s)| \| |&& ", line):
                if re.match(rf"{program} ", part.strip()):
                    found.append((page.name, part.strip()))
    return found


def words_of(command: str) -> list[str]:
    return shlex.split(re.sub(r"<(\w+)[^>]*>", r"\1", command).replace("…", "x"), comments=True)


@cache
def objects() -> tuple[Manifest, ...]:
    """All that the chart makes, whichever database there is, and the objects in the YAML of the pages."""
    made = [*rendered(BASE), *rendered(TRIAL)]
    made += [
        each
        for page in PAGES
        for name, text in files_of(page)
        if name != "values.yaml"
        for each in yaml.safe_load_all(text)
    ]
    return tuple(made)


@cache
def named() -> frozenset[tuple[str, str]]:
    return frozenset((each["kind"], each["metadata"]["name"]) for each in objects())


@cache
def referred_to() -> str:
    """Every manifest as text, and what the operator asks for by default: objects of the reader's are called so."""
    fields = DeploymentSettings.model_fields
    asked = [fields[name].default for name in fields if name.endswith(("_secret", "_service_account"))]
    return yaml.safe_dump_all(objects()) + "\n".join(filter(None, asked))


# Those of add-a-stage.md are for the copy of the chart that tests/test_add_a_stage.py makes.
VALUES = [
    (page.name, text)
    for page in PAGES
    for name, text in files_of(page)
    if name == "values.yaml" and page.name != "add-a-stage.md"
]
OTHERS = [(f"{page.name} {name}", text) for page in PAGES for name, text in files_of(page) if name != "values.yaml"]


def test_examples_are_found() -> None:
    assert len(VALUES) >= 3
    assert len(commands("helm")) >= 5
    assert len(commands("kubectl")) >= 10


@pytest.mark.parametrize(("page", "text"), VALUES)
def test_values_are_taken_by_the_chart(page: str, text: str) -> None:
    del page
    base = MINIMAL if "postgres:" in text else BASE
    assert rendered(merged(base, yaml.safe_load(text)))


@pytest.mark.parametrize(("name", "text"), OTHERS)
def test_other_files_are_good_objects(name: str, text: str) -> None:
    made = list(yaml.safe_load_all(text))
    assert made, name
    check_kubernetes(made)


@pytest.mark.parametrize(("page", "command"), commands("helm"))
def test_commands_of_helm(page: str, command: str) -> None:
    _, what, *words = words_of(command)
    assert what in HELM, command
    assert {word.partition("=")[0] for word in words if word.startswith("-")} <= HELM[what], command
    own = {name for each in PAGES if each.name == page for name, _ in files_of(each)} | {"rules.yaml", "values.yaml"}
    for flag, value in pairwise(words):
        if flag == "--namespace":
            assert value in NAMESPACES, command
        elif flag == "-f":
            assert value in own or (ROOT / value).is_file(), command
        elif flag in ("--set", "--set-file"):
            assert is_value(value.partition("=")[0]), command
    charts = [word for word in words if "/" in word and not word.startswith("-") and "=" not in word]
    assert all((ROOT / chart).exists() for chart in charts), command


@pytest.mark.parametrize(("page", "command"), commands("kubectl"))
def test_commands_of_kubectl(page: str, command: str) -> None:
    del page
    words = words_of(command)
    for flag, value in pairwise(words):
        if flag in ("-n", "--namespace"):
            assert value in NAMESPACES, command
        elif flag == "-l":
            key, _, wanted = value.partition("=")
            assert any(label == wanted for label in labels(key)), command
    for kind, name in objects_in(words):
        if "create" in words:
            assert re.search(rf"\b{re.escape(name)}\b", referred_to()), f"{command}: nothing refers to {name}"
        elif name not in NAMESPACES:
            assert (kind, name) in named() or (kind == "Secret" and name in referred_to()), command


def objects_in(words: list[str]) -> Iterator[tuple[str, str]]:
    """The objects that a command names, as `deployment/name`, `secret name` or `secret generic name`."""
    for position, word in enumerate(words):
        kind, slash, name = word.partition("/")
        if slash and kind in KINDS:
            yield KINDS[kind], name
        elif word in KINDS:
            following = [each for each in words[position + 1 : position + 3] if each != "generic"]
            if following and not following[0].startswith("-"):
                yield KINDS[word], following[0]


def labels(key: str) -> Iterator[str]:
    for each in objects():
        for metadata in (each["metadata"], ((each.get("spec") or {}).get("template") or {}).get("metadata") or {}):
            if key in (metadata.get("labels") or {}):
                yield metadata["labels"][key]


@cache
def values() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text())
    return loaded


def is_value(path: str) -> bool:
    """Whether the chart has the value; below an empty mapping, such as `settings`, the reader names the keys."""
    at: Any = values()
    for part in path.split("."):
        if not isinstance(at, dict) or (part not in at and at):
            return False
        at = at.get(part)
        if at is None or at == {}:
            return True
    return True


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_the_secrets_and_config_maps_that_a_page_names_are_there(page: Path) -> None:
    for kind, name in re.findall(r"(Secret|ConfigMap)s? `([a-z0-9-]+)`", page.read_text()):
        assert (kind, name) in named() or name in referred_to(), name


def test_the_table_of_secrets_has_the_keys_that_the_chart_gives_them() -> None:
    page = (ROOT / "docs" / "kubernetes" / "operate.md").read_text()
    rows = re.findall(r"^\| Secret `([a-z0-9-]+)` \| [^|]+ \| ([^|]+) \|", page, re.M)
    told = {name: set(re.findall(r"`([\w-]+)`", keys)) for name, keys in rows}
    made = {each["metadata"]["name"]: set(each["data"]) for each in objects() if each["kind"] == "Secret"}
    assert {name: keys for name, keys in made.items() if name != "nightjar-postgres"} == {
        name: keys for name, keys in told.items() if name in made
    }
    assert set(told) - set(made) == {"nightjar-s3", "nightjar-sendgrid", "nightjar-channels"}


def test_loops_go_over_all_stages_images_and_policies() -> None:
    page = (ROOT / "docs" / "kubernetes" / "install.md").read_text()
    loops = re.findall(r"for (\w+) in ([\w ]+); do", page)
    airflow = [*STAGE_IMAGES, "airflow"]
    assert sorted((name, sorted(words.split())) for name, words in loops) == [
        ("name", sorted([*airflow, "trial"])),
        ("name", sorted(airflow)),
        ("policy", sorted(path.stem for path in (ROOT / "helm" / "iam").glob("*.json"))),
        ("stage", sorted(STAGES)),
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_the_values_that_a_page_names_exist(page: Path) -> None:
    pattern = rf"(?:{'|'.join(SECTIONS)})(?:\.[A-Za-z_<>][\w<>]*)+"
    found = [span.partition(":")[0] for span in spans(page.read_text()) if re.fullmatch(rf"{pattern}(: .*)?", span)]
    wrong = [each for each in found if not is_value(each.replace("<stage>", "detect")) and not is_module(each)]
    assert wrong == []


def is_module(name: str) -> bool:
    """`stages.py` and the like are files, not values."""
    return name.endswith((".py", ".yaml", ".json"))


@pytest.mark.parametrize(("page", "command"), commands("aws"))
def test_commands_of_aws(page: str, command: str) -> None:
    """By the models of the services, as the aws command itself; `aws s3` is a program of its own."""
    del page
    _, service, operation, *words = words_of(command)
    if service == "s3" or operation == "get-login-password":  # the command's own
        return
    model = botocore.session.get_session().get_service_model(service)
    name = next((each for each in model.operation_names if kebab(each) == operation), None)
    assert name, f"{command}: no operation {operation}"
    shape = model.operation_model(name).input_shape
    known = {f"--{kebab(member)}" for member in (shape.members if shape else ())} | GLOBAL
    own = {"--password-stdin", "--username"}
    assert {word for word in words if word.startswith("--")} - own <= known, command


def kebab(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "-", name).lower()
