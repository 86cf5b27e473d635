"""Two pages that say hardly anything, for the tests of what pages share."""
