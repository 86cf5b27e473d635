"""Nightjar's local deployment: S3 and Airflow on loopback, and stage images as virtual environments."""
