"""An environment is slimmed of what is listed, of nothing else, and compiled for good."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[3] / "images" / "tools" / "slim.py"
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
