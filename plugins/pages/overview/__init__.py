"""The overview: a period in figures, and how the deployment is now."""
