"""Objects as each release wrote them, one of every kind, under their own keys: `tests/golden/<release>/<key>`.

They are never changed: every later release has to read and extend them. `python -m tests.golden RELEASE` adds those of
a release that is about to be made, from the bucket that `make demo` left.
"""
