"""The settings of every stage, typed and bounded, in one place: the operator resolves them when a run begins."""
