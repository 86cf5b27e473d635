"""Whatever the values are, nothing that the chart makes has more rights than it needs."""

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest

from tests.helm.chart import (
    CHART,
    EXAMPLES,
    MINIMAL,
    Manifest,
    containers,
    example,
    merged,
    of_kind,
    pod_specs,
    rendered,
)

SIDE = "nightjar-stages"
CASES: Mapping[str, Mapping[str, Any]] = {
    **{name: example(name) for name in EXAMPLES},
    "one pod": merged(MINIMAL, {"airflow": {"onePod": True}, "postgres": {"enabled": True}}),
    "OpenShift": merged(MINIMAL, {"openshift": {"enabled": True}}),
    "digests": merged(MINIMAL, {"images": {"airflow": {"digest": f"sha256:{'0' * 64}"}}}),
    "one namespace": merged(MINIMAL, {"stages": {"namespace": "nightjar", "createNamespace": False}}),
}
# Whoever reads the logs of Airflow or its ConfigMaps must not find one there.
SECRET_NAMES = re.compile(r"(SECRET_ACCESS_KEY|API_KEY|LINK_KEY|PASSWORD|FERNET_KEY|SECRET_KEY|CONN$|CHANNELS_URLS)")


@pytest.fixture(params=CASES)
def objects(request: pytest.FixtureRequest) -> list[Manifest]:
    """All objects of a case."""
    return rendered(CASES[request.param])


def test_every_container_is_restricted_and_bounded(objects: list[Manifest]) -> None:
    found = 0
    for place, spec in pod_specs(objects):
        pod = spec["securityContext"]
        assert pod["runAsNonRoot"] is True, place
        assert pod["seccompProfile"]["type"] == "RuntimeDefault", place
        assert not any(spec.get(key) for key in ("hostNetwork", "hostPID", "hostIPC")), place
        assert not any("hostPath" in volume for volume in spec.get("volumes", ())), place
        for each in containers(spec):
            found += 1
            where, context = f"{place}/{each['name']}", each["securityContext"]
            assert context.get("runAsUser", pod["runAsUser"]) > 0, where
            assert context["allowPrivilegeEscalation"] is False, where
            assert context["readOnlyRootFilesystem"] is True, where
            assert context["capabilities"] == {"drop": ["ALL"]}, where
            assert not context.get("privileged"), where
            assert each["resources"]["limits"]["memory"], where
            assert each["resources"]["requests"]["cpu"], where
            assert each["resources"]["requests"]["memory"], where
    assert found >= 5


def test_every_image_has_a_tag_that_is_not_latest(objects: list[Manifest]) -> None:
    for place, spec in pod_specs(objects):
        for each in containers(spec):
            name, _, digest = each["image"].partition("@")
            _, colon, tag = name.rpartition("/")[2].partition(":")
            assert (colon, bool(tag), tag == "latest") == (":", True, False), f"{place}: {each['image']}"
            assert not digest or re.fullmatch("sha256:[0-9a-f]{64}", digest), place


def test_only_who_makes_pods_has_a_token(objects: list[Manifest]) -> None:
    for account in of_kind(objects, "ServiceAccount").values():
        assert account["automountServiceAccountToken"] is False, account["metadata"]["name"]
    with_token = {place for place, spec in pod_specs(objects) if spec.get("automountServiceAccountToken") is not False}
    assert with_token <= {
        "Deployment/nightjar-scheduler",
        "Deployment/nightjar-triggerer",
        "Deployment/nightjar-airflow",
    }


def test_roles_are_narrow(objects: list[Manifest]) -> None:
    assert of_kind(objects, "ClusterRole") == of_kind(objects, "ClusterRoleBinding") == {}
    [role] = of_kind(objects, "Role").values()
    verbs = {resource: set(rule["verbs"]) for rule in role["rules"] for resource in rule["resources"]}
    assert verbs == {
        "pods": {"create", "get", "list", "watch", "delete"},
        "pods/log": {"get"},
        "events": {"list"},
    }
    for binding in of_kind(objects, "RoleBinding").values():
        for subject in binding["subjects"]:
            assert (subject["kind"], subject["name"][:9]) == ("ServiceAccount", "nightjar-")


def test_no_secret_stands_in_the_open(objects: list[Manifest]) -> None:
    for each in objects:
        if each["kind"] == "ConfigMap":
            assert [key for key in each["data"] if SECRET_NAMES.search(key)] == []
    for place, spec in pod_specs(objects):
        plain = [v["name"] for each in containers(spec) for v in each.get("env", ()) if "value" in v]
        assert [name for name in plain if SECRET_NAMES.search(name) and not name.endswith("_FILE")] == [], place


def test_everything_is_in_one_of_two_namespaces(objects: list[Manifest]) -> None:
    for each in objects:
        # None: the release's, where Helm puts it.
        assert each["metadata"].get("namespace") in (None, "nightjar", SIDE), each["metadata"]
    assert "*" not in json.dumps([each for each in objects if each["kind"] in ("Role", "RoleBinding")])


def test_the_readme_has_the_verbs_of_the_role() -> None:
    [role] = of_kind(rendered(), "Role").values()
    text = " ".join((CHART / "README.md").read_text().split())
    for rule in role["rules"]:
        assert f"({', '.join(f'`{verb}`' for verb in rule['verbs'])})" in text or (
            f"(`{rule['resources'][0]}`: `{rule['verbs'][0]}`)" in text
        )
