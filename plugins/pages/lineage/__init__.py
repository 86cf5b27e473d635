"""Lineage: where a thing comes from, and what it took part in."""
