"""The log as people read it: a list, one event with its causes and effects, a live stream, and the documents about it."""
