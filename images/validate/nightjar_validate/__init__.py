"""Stage validate: decodes what came from outside, in isolation; standardises what is good, quarantines the rest."""
