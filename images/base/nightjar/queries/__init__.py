"""Answers from what is stored, the same for the command line and the pages: no printing, no HTML."""
