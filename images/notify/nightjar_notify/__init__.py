"""The notify stage: the one alert of each event, by e-mail."""
