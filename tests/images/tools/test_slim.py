"""An environment is slimmed of what is listed, of nothing else, and compiled for good."""

import importlib.util
import shutil
import struct
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[3] / "images" / "tools" / "slim.py"
SPEC = importlib.util.spec_from_file_location("slim", SCRIPT)
assert SPEC and SPEC.loader
slim = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(slim)
KEPT = (
    "numpy/_core/tests/_natype.py",
    "numpy/testing/__init__.py",
    "package/module.py",
    "package/contests/module.py",
    "package/data.json",
    "tests/module.py",  # a package of that name is not a package's own tests
    "botocore/data/s3/2006-03-01/service-2.json",
    "botocore/data/sts/service-2.json",
    "botocore/data/endpoints.json",
    "pyarrow/libarrow_python.so.2600",
    "package-1.0.dist-info/METADATA",
)
REMOVED = (
    "package/tests/test_module.py",
    "package/deep/test/data.bin",
    "package/module.pyi",
    "package/_fast.pyx",
    "package/include/fast.h",
    "pip/__init__.py",
    "pip-25.0.dist-info/METADATA",
    "pyarrow/libarrow_python.so",
    "pyarrow/libarrow_python.so.2600.1.0",
    "pyarrow/libarrow_flight.so.2600",
    "ai_edge_litert/libLiteRt.so",
    "ai_edge_litert/vendors/a/libvendor.so",
    "botocore/data/ec2/service-2.json.gz",
)
OF_AIRFLOW = ("botocore/data/secretsmanager/service-2.json", "babel/locale-data/en_GB.dat")
NOT_OF_AIRFLOW = ("babel/locale-data/de.dat",)


@pytest.mark.parametrize(
    ("options", "also_kept", "also_removed"),
    [
        ([], ("babel/locale-data/en_GB.dat", *NOT_OF_AIRFLOW), OF_AIRFLOW[:1]),
        (["--airflow"], OF_AIRFLOW, NOT_OF_AIRFLOW),
    ],
)
def test_what_is_listed_goes_and_the_rest_stays(
    options: list[str], also_kept: tuple[str, ...], also_removed: tuple[str, ...], tmp_path: Path
) -> None:
    site = tmp_path / "lib" / "python3.11" / "site-packages"
    for name in (*KEPT, *REMOVED, *also_kept, *also_removed):
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        (site / name).write_text("value = 1\n" if name.endswith(".py") else "{}")
    subprocess.run([sys.executable, SCRIPT, *options, "--as", "/opt/there", tmp_path], check=True, capture_output=True)
    left = {path.relative_to(site).as_posix() for path in site.rglob("*") if path.is_file() and path.suffix != ".pyc"}
    assert left == {*KEPT, *also_kept}
    compiled = Path(importlib.util.cache_from_source(str(site / "package" / "module.py"))).read_bytes()
    assert int.from_bytes(compiled[4:8], "little") == 1, "by hash, unchecked"
    assert b"/opt/there/lib/python3.11/site-packages/package/module.py" in compiled


def test_of_generated_code_bytecode_without_docstrings_is_left_and_works(tmp_path: Path) -> None:
    site = tmp_path / "lib" / "python3.11" / "site-packages"
    client = site / "kubernetes" / "client"
    (client / "models").mkdir(parents=True)
    (site / "kubernetes" / "__init__.py").touch()
    (client / "__init__.py").write_text("from kubernetes.client.models.pod import Pod\n")
    (client / "models" / "__init__.py").touch()
    (client / "models" / "pod.py").write_text('class Pod:\n    """A pod."""\n\n    def name(self):\n        1 / 0\n')
    subprocess.run([sys.executable, SCRIPT, "--as", "/opt/there", tmp_path], check=True, capture_output=True)
    left = {path.relative_to(client).as_posix() for path in client.rglob("*") if path.is_file()}
    assert left == {"__init__.pyc", "models/__init__.pyc", "models/pod.pyc"}
    script = "from kubernetes.client import Pod; print(Pod.__doc__, flush=True); Pod().name()"
    result = subprocess.run([sys.executable, "-c", script], cwd=site, text=True, capture_output=True, check=False)
    assert result.stdout == "None\n"
    assert 'File "/opt/there/lib/python3.11/site-packages/kubernetes/client/models/pod.py", line 5' in result.stderr


def library(*, flags: int = 0, behind: bytes = b"") -> bytes:
    """A 64-bit ELF whose segment ends at byte 220; then a section of 50 bytes, the table of sections, and `behind`."""
    header = b"\x7fELF\x02\x01" + bytes(26) + struct.pack("<QQI6H", 64, 270, 0, 64, 56, 1, 64, 1, 0)
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, 0, 0, 220, 220, 4096)
    section = struct.pack("<IIQQQQIIQQ", 1, 1, flags, 0, 220, 50, 0, 0, 1, 0)
    return header + segment + bytes(100) + b"s" * 50 + section + behind


@pytest.mark.parametrize(
    ("data", "left"),
    [
        (library(), 220),
        (library(flags=2), None),  # the section is loaded, whatever the segments say
        (library(behind=b"an archive that the library reads"), None),
        (library()[:220], None),  # its table of sections is missing
        (b"\x7fELF\x01\x01" + bytes(200), None),  # 32 bits
        (b"INPUT(libother.so)", None),
        (b"", None),
    ],
)
def test_a_library_loses_what_is_never_loaded(data: bytes, left: int | None, tmp_path: Path) -> None:
    path, link = tmp_path / "lib.so", tmp_path / "link.so"
    path.write_bytes(data)
    path.chmod(0o755)
    link.hardlink_to(path)
    removed = slim.strip_library(path)
    assert removed == (0 if left is None else len(data) - left)
    after = path.read_bytes()
    assert link.read_bytes() == data
    assert path.stat().st_mode & 0o777 == 0o755
    if left is None:
        assert after == data
    else:
        assert after[64:] == data[64:left]
        assert (after[40:48], after[60:64]) == (bytes(8), bytes(4)), "no table of sections"
        assert slim.strip_library(path) == 0


def test_a_library_still_works_afterwards(tmp_path: Path) -> None:
    shutil.copytree(Path(sysconfig.get_path("platlib")) / "yaml", tmp_path / "yaml")
    [copy] = (tmp_path / "yaml").glob("_yaml*.so")
    assert slim.strip_library(copy) > 1_000_000
    script = "import yaml; print(yaml._yaml.__file__, yaml.load('a: [1]', yaml.CSafeLoader))"
    said = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, text=True, capture_output=True, check=False)
    assert said.stdout == f"{copy} {{'a': [1]}}\n", said.stderr
