"""HTML pages that look alike: one file that needs no other, escaped, light or dark, fit for a phone.

Needs Jinja, which not every stage has. A page's template includes `page.css`, the common look.
"""

import base64
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Environment

_COMMON = Path(__file__).parent / "templates"


def page_templates(folder: Path) -> "Environment":
    """The templates in `folder` and the common ones; whatever they are given is escaped, and nothing may be missing."""
    # Loaded on first use: most runs of a program that may make a page make none.
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader([folder, _COMMON]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def data_uri(data: bytes, kind: str) -> str:
    """`data` as a URI that holds it."""
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"
