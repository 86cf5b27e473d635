"""The operators of Nightjar's DAGs: stages as pods or local processes, and the tasks that hold a run together."""
