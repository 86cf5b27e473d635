"""Two releases on one bucket."""
