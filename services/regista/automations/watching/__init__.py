"""Metrics that automations watch: the consumer of what runs log."""
