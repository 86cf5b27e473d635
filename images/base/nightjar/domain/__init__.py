"""Pure rules of the domain: no clock, no disk, no network. Imports the standard library and pydantic only."""
