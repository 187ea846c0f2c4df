"""Slack: channels, what is said in them, and the call that says it."""
