"""`make release` with a builder and a real registry that wants a login: built, pushed, pulled, started, deployed by
digest; a tag that was pushed over is refused.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime

import httpx
import pytest

from nightjar.domain.bumps import BumpKind
from nightjar.domain.stages import STAGE_IMAGES
from nightjar.errors import UsageError
from nightjar.queries.releasing import RegistrySource, bump_images, tags_changed
from nightjar.runtime.memory import MemoryStore
from nightjar.runtime.registry import DigestUnknownError, ImageAbsentError, Login, Registries, logins
from nightjar_local.containers import Builder
from nightjar_local.processes import LocalError
from nightjar_local.release_command import Asked, build_and_try
from operators.image_digests import digests_now
from operators.settings import DeploymentSettings
from tests.end_to_end.debian import BASE_IMAGE, RUNTIME_IMAGE, run
from tests.end_to_end.registry import PASSWORD, USER, DockerRegistry, docker_registry

pytestmark = pytest.mark.timeout(900)  # builds an image first

IMAGE, TAG = "assess", "1.0.0"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory, buildah: Mapping[str, str]) -> Iterator[DockerRegistry]:
    with docker_registry(tmp_path_factory.mktemp("registry")) as registry:
        yield registry


@pytest.fixture(scope="module")
def environment(buildah: Mapping[str, str], registry: DockerRegistry) -> dict[str, str]:
    """That of a buildah which may push."""
    return {**buildah, **registry.environment()}


@pytest.fixture(scope="module")
def reference(environment: dict[str, str], registry: DockerRegistry, tmp_path_factory: pytest.TempPathFactory) -> str:
    """An image that `make release` has built, pushed, pulled and started."""
    records = tmp_path_factory.mktemp("records")
    options = {"RUNTIME_IMAGE": RUNTIME_IMAGE}
    builder = Builder("buildah", f"{registry.host}/nightjar", BASE_IMAGE, options=options, records=records, push=True)
    asked = Asked(IMAGE, TAG, "judges better", detector=None, candidate=False)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        build_and_try(builder, asked)
        with pytest.raises(LocalError, match="was built with other content"):
            build_and_try(replace(builder, base_image=RUNTIME_IMAGE), asked)
    return f"{builder.registry}/{IMAGE}:{TAG}"


class Variable:
    """The Variable `nightjar_images`, outside Airflow."""

    def __init__(self, registry: str) -> None:
        self.value = json.dumps({"registry": registry, **dict.fromkeys(STAGE_IMAGES, "0.9.0")})

    def get(self) -> str:
        return self.value

    def set(self, value: str) -> None:
        self.value = value


def digest_by_http(reference: str) -> str:
    """The digest of what the registry has, made from the manifest itself."""
    host, _, rest = reference.partition("/")
    repository, _, tag = rest.rpartition(":")
    answer = httpx.get(
        f"http://{host}/v2/{repository}/manifests/{tag}",
        headers={"Accept": MANIFEST},
        auth=(USER, PASSWORD),
        trust_env=False,
    )
    assert answer.status_code == httpx.codes.OK, answer.text
    return f"sha256:{hashlib.sha256(answer.content).hexdigest()}"


def push_over(reference: str, environment: dict[str, str]) -> None:
    """Other content under the same tag, as another machine may push it."""
    container = run(["buildah", "from", "--pull-never", reference], environment)
    run(["buildah", "config", "--label", "pushed=over", container], environment)
    run(["buildah", "commit", "-q", "--rm", container, reference], environment)
    run(["buildah", "push", "-q", reference], environment)


def test_it_is_deployed_by_the_digest_that_the_registry_has_until_it_is_pushed_over(
    reference: str, registry: DockerRegistry, environment: dict[str, str]
) -> None:
    store, variable = MemoryStore(), Variable(reference.rpartition("/")[0])
    first = digest_by_http(reference)

    def bump(word: str, source: RegistrySource) -> None:
        bump_images(
            store,
            variable,
            tags_changed([word]),
            kind=BumpKind.RELEASE,
            by="olga",
            why="judges better",
            now=datetime.now(UTC),
            source=source,
        )

    source = RegistrySource(registry.login)
    bump(f"{IMAGE}={TAG}", source)
    assert (json.loads(variable.value)[IMAGE], source.doubts) == (TAG, [])
    settings = DeploymentSettings(runtime="kubernetes", registry_config=registry.login)
    assert digests_now({IMAGE: reference}, settings) == {IMAGE: first}
    # As a node pulls what a pod asks for.
    run(["buildah", "pull", "-q", f"{reference.rpartition(':')[0]}@{first}"], environment)

    push_over(reference, environment)
    second = digest_by_http(reference)
    assert second != first
    variable.value = json.dumps({**json.loads(variable.value), IMAGE: "0.9.0"})
    with pytest.raises(UsageError, match=f"to be {first}.*got {second}: the tag was used again"):
        bump(f"{IMAGE}={TAG}", source)
    assert json.loads(variable.value)[IMAGE] == "0.9.0"


@pytest.mark.parametrize(
    ("login", "message"),
    [
        (None, "wants a login, and NIGHTJAR_REGISTRY_CONFIG has none for it"),
        (Login(USER, "another"), "answered 401"),
    ],
)
def test_a_login_that_is_missing_or_wrong(
    reference: str, registry: DockerRegistry, login: Login | None, message: str
) -> None:
    own = {registry.host: login} if login else {}
    with Registries(own, 20) as registries, pytest.raises(DigestUnknownError, match=message) as refused:
        registries.digest(reference)
    assert "another" not in str(refused.value)


@pytest.mark.parametrize("absent", ["assess:no-such-tag", "no-such-image:1.0.0"])
def test_an_image_that_is_not_there(registry: DockerRegistry, absent: str) -> None:
    with (
        Registries(logins(registry.login), 20) as registries,
        pytest.raises(ImageAbsentError, match="none of this tag"),
    ):
        registries.digest(f"{registry.host}/nightjar/{absent}")


def test_a_registry_that_is_away_is_a_doubt_and_holds_nothing_back(registry: DockerRegistry, reference: str) -> None:
    registry.stop()
    source = RegistrySource(registry.login)
    assert source.digest(IMAGE, reference) is None
    [doubt] = source.doubts
    assert doubt.startswith(f"{IMAGE}: not checked, {registry.host} did not answer")
