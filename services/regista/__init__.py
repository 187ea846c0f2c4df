"""Regista: a model registry whose every change is an event, and the services that act on those events."""
