"""The sample pages, as an app has pages."""

from pathlib import Path

from plugins.web.pages import discover

SAMPLE = discover(Path(__file__).parents[1] / "sample_pages", "tests.plugins.sample_pages")
