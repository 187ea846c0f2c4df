"""Automations and the log of the past: explained, simulated, replayed."""
