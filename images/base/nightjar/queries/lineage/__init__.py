"""Lineage of what is stored: where an alert, a report or a picture comes from, and what an original took part in.

    subjects.py  what is known of a thing, beside its node
    reading.py   the bucket as a lineage reads it: each object once, and whether a version is still there
    makers.py    the task that made a thing, by the manifests and the release of its run
    asked.py     the thing that a person names
    described.py the node of each thing
    down.py      what a thing was made of
    up.py        what a thing took part in
    answer.py    the question and its answer

Read are single objects, found by keys and days, and never the whole bucket.
"""
