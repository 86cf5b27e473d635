"""Doubles of outside services, for tests."""
