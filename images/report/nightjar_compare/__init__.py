"""The compare stage: a candidate detector beside the deployed one, by user and day, and the sum."""
