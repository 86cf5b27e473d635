"""Base images with Python, made from Debian's packages: nothing is pulled from a registry of images."""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

import pytest

BASE_IMAGE = "localhost/python:3.11"
RUNTIME_IMAGE = "localhost/python-alone:3.11"  # Python, what it needs, and nothing else: no shell, no package manager
SHELL_IMAGE = "localhost/python-and-bash:3.11"  # the same with bash, by which the official chart starts Airflow
MODEL_IMAGE = "localhost/model:1"  # the detection model alone
REQUIRED = "REQUIRE_BUILDAH"  # set by .ci/run: there, what is skipped is a defect
PROGRAMS = {
    "buildah": "buildah",
    "debootstrap": "debootstrap",
    "docker-registry": "docker-registry",
}  # program: Debian's package
RELEASE = "bookworm"
PACKAGES = ("python3", "python3-venv", "python3-pip", "ca-certificates")
CERTIFICATES = Path("etc/ssl/certs/ca-certificates.crt")
# Debian's packages that RUNTIME_IMAGE is made of. The libraries are those that Python's own modules and wheels link.
ALONE = (
    *("base-files", "netbase", "media-types", "tzdata", "libc6", "libc-bin", "libcrypt1", "libgcc-s1", "libstdc++6"),
    *("python3-minimal", "python3.11-minimal", "libpython3.11-minimal", "libpython3.11-stdlib", "libpython3-stdlib"),
    *("zlib1g", "libbz2-1.0", "liblzma5", "libexpat1", "libffi8", "libsqlite3-0", "libssl3", "libuuid1", "libdb5.3"),
)
SHELL = ("bash", "libtinfo6")
NOT_NEEDED = (
    "/usr/bin/",
    "/usr/share/doc",
    "/usr/share/man",
    "/usr/share/lintian",
    "/usr/share/locale",
    "/usr/share/perl5",
)


def require_builder() -> None:
    """Skip the test, and say why, where container images cannot be built; fail it where `REQUIRED` is `yes`."""
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    missing = [package for program, package in PROGRAMS.items() if shutil.which(program, path=path) is None]
    lacks = [f"apt-get install {' '.join(missing)}"] if missing else []
    lacks += ["be root, for debootstrap"] if os.geteuid() != 0 else []
    if lacks:
        skip(f"CONTAINER IMAGES ARE NOT TESTED here: first {', and '.join(lacks)}")


def skip(why: str) -> NoReturn:
    """Skip the test on a developer's machine without Debian's packages; fail it where `REQUIRED` is `yes`, as in CI."""
    if os.environ.get(REQUIRED) == "yes":
        pytest.fail(why)
    pytest.skip(why)  # images need root and Debian's tools, which a developer's machine may lack; CI fails above


def storage(folder: Path) -> dict[str, str]:
    """The environment in which buildah keeps everything below `folder` and needs no daemon and no namespaces.

    Layers are stacked by overlayfs where it can be mounted, which takes a minute off each build; elsewhere copied.
    """
    driver = "overlay" if _mounts_overlays(folder / "probe") else "vfs"
    configuration = folder / "storage.conf"
    configuration.write_text(
        f'[storage]\ndriver = "{driver}"\ngraphroot = "{folder}/graph"\nrunroot = "{folder}/run"\n'
    )
    return {"CONTAINERS_STORAGE_CONF": str(configuration), "BUILDAH_ISOLATION": "chroot"}


def release_storage(environment: Mapping[str, str]) -> None:
    """Remove the containers and mounts of a storage, so that its folder can be deleted."""
    run(["buildah", "rm", "--all"], environment)
    graph = Path(environment["CONTAINERS_STORAGE_CONF"]).parent / "graph" / "overlay"
    if graph.is_mount():
        run(["umount", str(graph)], environment)


def _mounts_overlays(folder: Path) -> bool:
    lower, upper, work, merged = (folder / each for each in ("lower", "upper", "work", "merged"))
    for each in (lower, upper, work, merged):
        each.mkdir(parents=True)
    options = f"lowerdir={lower},upperdir={upper},workdir={work}"
    command = ["mount", "-t", "overlay", "overlay", "-o", options, str(merged)]
    if subprocess.run(command, capture_output=True, check=False).returncode != 0:
        return False
    subprocess.run(["umount", str(merged)], check=True)
    return True


def make_base_image(root: Path, environment: Mapping[str, str]) -> None:
    """Make BASE_IMAGE in the buildah storage of `environment`, from Debian's files at `root`.

    They are put there, which takes about a minute, unless they are there already.
    """
    if not root.exists():
        unfinished = root.with_suffix(".new")
        shutil.rmtree(unfinished, ignore_errors=True)
        included = f"--include={','.join(PACKAGES)}"
        run(["debootstrap", "--variant=minbase", included, RELEASE, str(unfinished)], environment)
        for package in (unfinished / "var" / "cache" / "apt" / "archives").glob("*.deb"):
            package.unlink()
        # This machine may reach the package index through a proxy that only its own certificates vouch for.
        shutil.copyfile(Path("/") / CERTIFICATES, unfinished / CERTIFICATES)
        unfinished.rename(root)
    container = run(["buildah", "from", "scratch"], environment)
    # `buildah add` would take three times the processor time.
    run(["cp", "-a", f"{root}/.", run(["buildah", "mount", container], environment)], environment)
    run(["buildah", "unmount", container], environment)
    run(["buildah", "commit", "-q", "--rm", container, BASE_IMAGE], environment)


def make_runtime_images(root: Path, environment: Mapping[str, str]) -> None:
    """Make RUNTIME_IMAGE and SHELL_IMAGE in the buildah storage of `environment`, from Debian's files at `root`."""
    container = run(["buildah", "from", "scratch"], environment)
    target = Path(run(["buildah", "mount", container], environment))
    for folder in ("bin", "lib", "lib64", "sbin"):  # Debian's links into /usr
        (target / "usr" / folder).mkdir(parents=True, exist_ok=True)
        (target / folder).symlink_to(f"usr/{folder}")
    for file in sorted(_files(root, ALONE)):
        _copy(root, file, target)
    for folder in ("tmp", "proc", "sys", "dev", "etc/ssl/certs"):
        (target / folder).mkdir(parents=True, exist_ok=True)
    (target / "tmp").chmod(0o1777)
    for path in (CERTIFICATES, Path("etc/passwd"), Path("etc/group"), Path("etc/ld.so.cache")):
        shutil.copyfile(root / path, target / path)
    run(["buildah", "commit", "-q", container, RUNTIME_IMAGE], environment)
    for file in sorted(_files(root, SHELL)):
        _copy(root, file, target)
    run(["buildah", "unmount", container], environment)
    run(["buildah", "commit", "-q", "--rm", container, SHELL_IMAGE], environment)


def _files(root: Path, wanted: Sequence[str]) -> set[str]:
    """The files that the packages `wanted` brought into Debian's files at `root`, with a slash before them."""
    lists = root / "var" / "lib" / "dpkg" / "info"
    packages = [path for each in wanted for path in (*lists.glob(f"{each}.list"), *lists.glob(f"{each}:*.list"))]
    files = {line for path in packages for line in path.read_text().splitlines()}
    return {file for file in files if file.startswith("/usr/bin/python3") or not file.startswith(NOT_NEEDED)}


def _copy(root: Path, file: str, target: Path) -> None:
    source, copy = root / file[1:], target / file[1:]
    if source.is_dir() and not source.is_symlink():
        copy.mkdir(parents=True, exist_ok=True)
    elif (source.is_symlink() or source.exists()) and not copy.exists():
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, copy, follow_symlinks=False)


def run(command: list[str], environment: Mapping[str, str]) -> str:
    """The output of the command, stripped; raises AssertionError with all of it if the command fails."""
    found = {**os.environ, "PATH": f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin", **environment}
    result = subprocess.run(command, env=found, text=True, capture_output=True, check=False)
    said = "\n".join((result.stdout + result.stderr).splitlines()[-30:])
    assert result.returncode == 0, f"{' '.join(command)} ended with {result.returncode}:\n{said}"
    return result.stdout.strip()
