"""A page with a title, a sentence and perhaps a button: no script, nothing from elsewhere, light and dark. Pure."""

import base64
import hashlib
from dataclasses import dataclass
from html import escape

_STYLE = """
:root { color-scheme: light dark; --back: #f4f5f7; --card: #fff; --ink: #1c2430; --soft: #5a6472; --act: #1f5fbf; }
@media (prefers-color-scheme: dark) {
  :root { --back: #12161c; --card: #1c222b; --ink: #e8ecf1; --soft: #a5afbc; --act: #2f6fd0; }
}
body { margin: 0; background: var(--back); color: var(--ink); font: 17px/1.5 system-ui, sans-serif; }
main { max-width: 26rem; margin: 12vh auto 0; padding: 1.75rem; background: var(--card); border-radius: 12px; }
h1 { margin: 0 0 .5rem; font-size: 1.4rem; line-height: 1.25; overflow-wrap: anywhere; }
p { margin: 0; color: var(--soft); overflow-wrap: anywhere; }
button { margin-top: 1.5rem; width: 100%; padding: .85rem; border: 0; border-radius: 8px; background: var(--act);
  color: #fff; font: inherit; font-weight: 600; cursor: pointer; }
footer { max-width: 26rem; margin: 1rem auto; padding: 0 1.75rem; color: var(--soft); font-size: .85rem; }
@media (max-width: 30rem) { main { margin: 1rem 1rem 0; } footer { margin: 1rem; } }
"""
_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

HEADERS = {
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_HASH}'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",  # the address is a key
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex, nofollow",
}


@dataclass(frozen=True)
class Page:
    """`button` is the text of a button that sends the page's own address once more, as POST."""

    title: str
    text: str
    button: str = ""


def render(page: Page) -> str:
    """The page as HTML; all its words are escaped."""
    form = f'<form method="post"><button>{escape(page.button)}</button></form>' if page.button else ""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(page.title)}</title><style>{_STYLE}</style></head>"
        f"<body><main><h1>{escape(page.title)}</h1><p>{escape(page.text)}</p>{form}</main>"
        "<footer>Nightjar, the watch over your cameras</footer></body></html>\n"
    )
