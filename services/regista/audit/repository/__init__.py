"""All SQL of the audit: `projection` writes and verifies, `search` asks."""
