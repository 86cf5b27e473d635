"""The assess stage: what the detectors saw, judged by the rules and grouped into events."""
