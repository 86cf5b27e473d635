"""The stores: one typed class for each kind of object in the bucket, and the only place that builds keys."""
