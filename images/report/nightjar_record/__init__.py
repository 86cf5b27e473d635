"""Stage record: the rows of a run's pictures, detections, events and alerts, for the warehouse."""
