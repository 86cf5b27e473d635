"""A day of many cameras, simulated: what a deployment makes of it, where it stops, and what S3 bills for it."""
