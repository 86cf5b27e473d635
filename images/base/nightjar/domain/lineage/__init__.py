"""Lineage: the things that a thing was made of, down to the originals; upward, those that it took part in. Pure.

nodes.py     a thing: its object in one version, whether that is still there, and who made it
growing.py   a graph from one thing, level by level, bounded
tree.py      the graph as an indented tree, in which each thing is described once
places.py    the graph as a drawing: in columns for wide screens, as a tree for narrow ones
"""
