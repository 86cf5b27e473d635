"""A package, since a fixture of conftest.py has its scope: elsewhere pytest would keep it to the end of the session."""
