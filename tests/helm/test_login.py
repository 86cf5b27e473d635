"""The chart's webserver_config.py, read as Airflow's FAB provider reads it: by password, or by OpenID Connect.

In a process of its own, since importing the provider sets up the whole of Airflow.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.helm.chart import CHART

pytestmark = pytest.mark.slow

FILE = CHART / "files" / "webserver_config.py"
OIDC = {
    "OIDC_ISSUER": "https://login.example.com/realms/office/",
    "OIDC_NAME": "office",
    "OIDC_CLIENT_ID": "nightjar",
    "OIDC_CLIENT_SECRET": "secret",
    "OIDC_ROLES": '{"video-ops": ["Op"]}',
    "OIDC_ROLES_CLAIM": "groups",
}
# Claims of a provider, and how Airflow then knows the person: name, address, groups.
CLAIMS: tuple[tuple[Mapping[str, Any], tuple[str, str, list[str]]], ...] = (
    ({"sub": "u-1"}, ("u-1", "u-1", [])),
    ({"sub": "u-1", "email": "o@x.org"}, ("o@x.org", "o@x.org", [])),
    (
        {"sub": "u-1", "preferred_username": "olga", "email": "o@x.org", "groups": ["a", "b"]},
        ("olga", "o@x.org", ["a", "b"]),
    ),
    ({"sub": "u-1", "groups": "a"}, ("u-1", "u-1", ["a"])),
    ({"sub": "u-1", "groups": None}, ("u-1", "u-1", [])),
    ({"sub": "u-1", "groups": 7}, ("u-1", "u-1", [])),
    ({"sub": "u-1", "groups": [7]}, ("u-1", "u-1", ["7"])),
)
PROGRAM = """
import json, os, runpy, sys
read = []
for environment in json.loads(sys.argv[2]):
    os.environ.update(environment)
    config = runpy.run_path(sys.argv[1])
    people = [config["userinfo"](claims) for claims in json.loads(sys.argv[3])]
    kept = {key: value for key, value in config.items() if key.isupper() and not isinstance(value, type)}
    read.append([kept, people])
print(json.dumps(read))
"""


def test_people_have_passwords_or_with_a_provider_roles_by_their_groups(tmp_path: Path) -> None:
    ours = {
        "PATH": os.environ["PATH"],
        "AIRFLOW_HOME": str(tmp_path),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__AUTH_MANAGER": "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager",
    }
    arguments = (str(FILE), json.dumps([{}, OIDC]), json.dumps([claims for claims, _ in CLAIMS]))
    command = [sys.executable, "-c", PROGRAM, *arguments]
    done = subprocess.run(command, env=ours, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    [without, _], [settings, people] = json.loads(done.stdout.splitlines()[-1])

    assert without["AUTH_TYPE"] == 1  # flask_appbuilder.const.AUTH_DB
    assert without["WTF_CSRF_ENABLED"] is True
    assert not {"AUTH_ROLE_PUBLIC", "AUTH_USER_REGISTRATION", "OAUTH_PROVIDERS"} & set(without)

    assert settings["AUTH_TYPE"] == 4  # flask_appbuilder.const.AUTH_OAUTH
    assert settings["AUTH_ROLES_MAPPING"] == {"video-ops": ["Op"]}
    assert settings["AUTH_ROLES_SYNC_AT_LOGIN"] is True
    assert settings["AUTH_USER_REGISTRATION_ROLE"] == "Public"
    [provider] = settings["OAUTH_PROVIDERS"]
    address = "https://login.example.com/realms/office/.well-known/openid-configuration"
    assert provider["remote_app"]["server_metadata_url"] == address
    assert provider["remote_app"]["client_kwargs"] == {"scope": "openid email profile"}
    assert [(each["username"], each["email"], each["role_keys"]) for each in people] == [
        expected for _, expected in CLAIMS
    ]
