"""Folders whose objects were made of others for somebody to look at, and can be made again."""

COMPARISONS, REPRODUCTIONS = "comparisons/", "reproductions/"
