"""All SQL of delivery, by who runs it: planners, owners, people."""
