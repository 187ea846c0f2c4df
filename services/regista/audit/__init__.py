"""The audit: a projection of every event into rows that are chained, signed at intervals, and can be asked."""
