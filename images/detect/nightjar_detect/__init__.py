"""The detect stage: what is in each standardised picture of a shard, appended to the detections store."""
