"""Reproductions: a run done again on the versions that it read, and how its results compare. Pure."""
