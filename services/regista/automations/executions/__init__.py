"""What became of each action of each decision, as people read it."""
