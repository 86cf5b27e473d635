"""By whom something stored was made, so that the way back to its inputs is known without a search."""

from typing import Annotated

from pydantic import Field

from nightjar.domain.model import Part, is_none


class Maker(Part):
    """The stage, and the release of it, that made or last changed a stored document.

    `run` is a folder below `runs/`: with `stage` and `shard` it leads to the manifest, which names all inputs with
    their versions. `image` is the reference with its tag, `image_digest` its content (`sha256:…`) where the release has
    it, `release` the SHA-256 of the run's release.json, which has the settings. The task and its try are in the
    manifest only, so that doing a run again makes the same.
    """

    run: str
    stage: str
    shard: str | None = None
    image: str
    image_digest: str | None = None
    release: str = ""
    rules_sha256: str | None = None


# Left out of documents that nobody is known to have made: those of releases before 0.3, and of tests.
Made = Annotated[Maker | None, Field(exclude_if=is_none)]
