"""Removes from a Python environment files that no image uses, and compiles the rest to bytecode.

    python3 slim.py ENVIRONMENT [--as PATH]

`--as` is where the environment will be in the image, if it is built elsewhere: tracebacks name files by that path. The
bytecode is never checked against the sources (PEP 552, unchecked), since neither ever changes in an image: a stage
starts without asking for the state of a thousand files. Standard library only: it runs before anything is installed.
"""

import argparse
import compileall
import fnmatch
import shutil
import sys
from collections.abc import Collection, Iterator
from pathlib import Path
from py_compile import PycInvalidationMode

# Folders that only the package's own developers need, wherever they stand. `numpy.testing`, `pyarrow.tests.util` and
# the like are other names; a package that imports its own tests when it runs is named in KEPT.
TESTS = ("tests", "test")
KEPT = ("*/numpy/_core/tests*",)  # numpy.testing imports it
# Sources and headers for compiling extensions, static libraries, and stubs for type checkers.
FOR_COMPILERS = ("*.pyi", "*.pyx", "*.pxd", "*.pxi", "*.h", "*.hpp", "*.c", "*.cc", "*.cpp", "*.a", "*.cmake", "*.f90")
# Folders by their path in site-packages.
UNUSED = (
    "airflow/example_dags",
    "airflow/providers/*/example_dags",
    "airflow/ui/node_modules",
    "ai_edge_litert/libLiteRtWebGpuAccelerator.so",  # of browsers
    "kubernetes/aio",  # Airflow uses kubernetes_asyncio
    "cv2/data",  # classifiers of OpenCV's own, which nothing here runs
    "matplotlib/mpl-data/fonts/afm",  # fonts of the PDF and PostScript back ends; plots here are PNG and SVG
    "matplotlib/mpl-data/fonts/pdfcorefonts",
    "matplotlib/mpl-data/sample_data",
    "numpy/f2py",
    "numpy/_core/include",
    "numpy/random/lib",
    "pip",
    "pip-*.dist-info",
    "pyarrow/include",
    "pyarrow/src",
    "pyarrow/*flight*",  # Arrow's remote calls and its own S3 client: stages read and write bytes in memory
    "pyarrow/libarrow_s3.so*",
    "pyarrow/_s3fs.*",
    "pyarrow/libarrow_python.so",  # copies of libarrow_python.so.<version>, which everything links
    "pyarrow/libarrow_python.so.*.*.*",
)
# Amazon's services that botocore describes, 27 MB of JSON: the one that stages call, and those that lend credentials.
SERVICES = ("s3", "sts", "sso", "sso-oidc", "signin")
# Airflow's own: secrets backends, remote logs and metrics, roles and clusters.
MORE_SERVICES = ("cloudwatch", "eks", "iam", "kms", "logs", "rds", "secretsmanager", "ssm")
# The languages of Airflow's pages of users and roles. An environment with another use of babel keeps all languages.
LANGUAGES = ("root", "en")


def main(arguments: list[str]) -> None:
    """Slim and compile the environment that the command line names, and print how much was removed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("environment", type=Path)
    parser.add_argument("--as", dest="final", type=Path, help="where it will be in the image")
    parser.add_argument("--airflow", action="store_true", help="it is Airflow's: other services, fewer languages")
    options = parser.parse_args(arguments)
    [site] = options.environment.glob("lib/python3.*/site-packages")
    removed = slim(site, airflow=options.airflow)
    compile_environment(options.environment, options.final or options.environment)
    sys.stdout.write(f"{options.environment}: removed {removed / 1e6:.1f} MB that nothing uses\n")


def slim(site: Path, *, airflow: bool = False) -> int:
    """Remove from a site-packages folder all that is listed above; returns how many bytes that was."""
    removed = 0
    services = (*SERVICES, *MORE_SERVICES) if airflow else SERVICES
    for path in [*unused(site), *other_services(site, services), *(other_languages(site) if airflow else ())]:
        if path.is_dir() and not path.is_symlink():
            removed += sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
            shutil.rmtree(path)
        elif path.exists():
            removed += path.stat().st_size
            path.unlink()
    return removed


def unused(site: Path) -> Iterator[Path]:
    """The files and folders below a site-packages folder that nothing reads when a program runs."""
    for pattern in UNUSED:
        yield from site.glob(pattern)
    for path in sorted(site.rglob("*")):
        if any(fnmatch.fnmatch(path.as_posix(), kept) for kept in KEPT):
            continue
        is_test = path.name in TESTS and path.is_dir() and path.parent != site
        if is_test or path.name == "__pycache__" or any(fnmatch.fnmatch(path.name, each) for each in FOR_COMPILERS):
            yield path


def other_services(site: Path, services: Collection[str]) -> Iterator[Path]:
    """botocore's and boto3's descriptions of services that nobody here calls."""
    for data in (site / "botocore" / "data", site / "boto3" / "data"):
        if data.exists():
            yield from (path for path in sorted(data.iterdir()) if path.is_dir() and path.name not in services)


def other_languages(site: Path) -> Iterator[Path]:
    """babel's data of languages that are not needed."""
    for path in sorted(site.glob("babel/locale-data/*.dat")):
        if path.stem.partition("_")[0] not in LANGUAGES:
            yield path


def compile_environment(environment: Path, final: Path) -> None:
    """Compile every source below the environment; a few files of packages are not meant to compile, and are let be."""
    compileall.compile_dir(
        environment,
        maxlevels=64,
        quiet=2,
        workers=0,
        stripdir=str(environment),
        prependdir=str(final),
        invalidation_mode=PycInvalidationMode.UNCHECKED_HASH,
    )


if __name__ == "__main__":
    main(sys.argv[1:])
