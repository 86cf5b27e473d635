"""Runs: the newest of all DAGs; and for Airflow's own pages of a run and of a task, what they worked on."""
