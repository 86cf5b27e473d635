"""Removes from a Python environment files that no image uses, and compiles the rest to bytecode.

    python3 slim.py ENVIRONMENT [--as PATH]

`--as` is where the environment will be in the image, if it is built elsewhere: tracebacks name files by that path. The
bytecode is never checked against the sources (PEP 552, unchecked), since neither ever changes in an image: a stage
starts without asking for the state of a thousand files. Shared libraries lose what only debuggers read, code that a
generator wrote loses its sources. Standard library only: it runs before anything is installed.
"""

import argparse
import compileall
import fnmatch
import mmap
import shutil
import struct
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
    "ai_edge_litert/aot",  # compiling ahead of time, for chips of the vendors below
    "ai_edge_litert/tools",
    "ai_edge_litert/vendors",
    "ai_edge_litert/libLiteRt.so",  # of the newer interface; the interpreter, which detect uses, has its own library
    "ai_edge_litert/libLiteRtWebGpuAccelerator.so",  # of browsers
    "alembic/testing",
    "kubernetes/aio",  # Airflow uses kubernetes_asyncio
    "cv2/data",  # classifiers of OpenCV's own, which nothing here runs
    "matplotlib/mpl-data/fonts/afm",  # fonts of the PDF and PostScript back ends; plots here are PNG and SVG
    "matplotlib/mpl-data/fonts/pdfcorefonts",
    "matplotlib/mpl-data/sample_data",
    "numpy/distutils",  # building extensions
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
    "sqlalchemy/testing",
)
# Folders of code that a generator wrote, of which bytecode without docstrings is enough: half of them are docstrings.
# A traceback through them names the file and the line, and does not show it.
GENERATED = ("kubernetes/client", "kubernetes_asyncio/client")
# Of ELF: the type of a section without bytes in the file, the flag of one that is loaded, and the header's size.
NO_BITS, ALLOCATED = 8, 2
HEADER = 64
CHUNK = 1 << 24
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
    removed += sum(strip_library(path) for path in libraries(site))
    final = options.final or options.environment
    for folder in GENERATED:
        removed += keep_only_bytecode(site / folder, options.environment, final)
    compile_environment(options.environment, final)
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


def libraries(site: Path) -> Iterator[Path]:
    """The shared libraries below a site-packages folder."""
    yield from (path for path in sorted(site.rglob("*.so*")) if path.is_file() and not path.is_symlink())


def strip_library(path: Path) -> int:
    """Cut off what stands behind the last segment of a shared library; returns how many bytes that was.

    These are sections that are never loaded, such as symbols for debuggers, and the table of sections. Nothing is
    changed where the file is not a 64-bit ELF of this byte order, or where other data stands behind. The file is a new
    one afterwards: another link to it, such as an installer's cache has, stays as it is.
    """
    size = path.stat().st_size
    if size < HEADER:
        return 0
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        end = _end_of_segments(data)
        if end is None:
            return 0
        header = bytearray(data[:HEADER])
        struct.pack_into("<Q", header, 40, 0)  # where the table of sections is
        struct.pack_into("<HH", header, 60, 0, 0)  # how many there are, and which one has their names
        stripped = path.with_name(f"{path.name}.stripped")
        with stripped.open("wb") as out:
            out.write(header)
            for at in range(HEADER, end, CHUNK):
                out.write(data[at : min(at + CHUNK, end)])
    shutil.copymode(path, stripped)
    stripped.replace(path)
    return size - end


def _end_of_segments(data: mmap.mmap) -> int | None:
    """Where the last segment ends, if nothing but sections that are never loaded, and their table, stands behind it."""
    if data[:6] != b"\x7fELF\x02\x01":
        return None
    segments, sections = struct.unpack_from("<QQ", data, 32)
    segment_size, segment_count, section_size, section_count = struct.unpack_from("<4H", data, 54)
    end: int = segments + segment_size * segment_count
    for at in range(segments, segments + segment_size * segment_count, segment_size):
        _, _, offset, _, _, size = struct.unpack_from("<IIQQQQ", data, at)
        end = max(end, offset + size)
    known = sections + section_size * section_count
    if not sections or not end < known <= len(data):
        return None
    for at in range(sections, sections + section_size * section_count, section_size):
        _, kind, flags, _, offset, size = struct.unpack_from("<IIQQQQ", data, at)
        last = offset if kind == NO_BITS else offset + size
        if last > end and flags & ALLOCATED:
            return None
        known = max(known, last)
    return end if known == len(data) else None


def keep_only_bytecode(folder: Path, environment: Path, final: Path) -> int:
    """Put bytecode without docstrings in the place of the sources below `folder`; returns how many bytes these were."""
    sources = [path for path in sorted(folder.rglob("*.py")) if path.is_file()]
    _compile(folder, environment, final, legacy=True, optimize=2)
    removed = 0
    for path in sources:
        if path.with_suffix(".pyc").exists():
            removed += path.stat().st_size
            path.unlink()
    return removed


def compile_environment(environment: Path, final: Path) -> None:
    """Compile every source below the environment; a few files of packages are not meant to compile, and are let be."""
    _compile(environment, environment, final)


def _compile(folder: Path, environment: Path, final: Path, *, legacy: bool = False, optimize: int = -1) -> None:
    compileall.compile_dir(
        folder,
        maxlevels=64,
        quiet=2,
        workers=0,
        stripdir=str(environment),
        prependdir=str(final),
        invalidation_mode=PycInvalidationMode.UNCHECKED_HASH,
        legacy=legacy,
        optimize=optimize,
    )


if __name__ == "__main__":
    main(sys.argv[1:])
