"""Folders whose objects were made of others for somebody to look at, and can be made again."""

COMPARISONS, REPRODUCTIONS = "comparisons/", "reproductions/"
CANDIDATES = f"{COMPARISONS}candidates/"  # which candidates are tried, and what they have covered
