"""What every slice stands on. No business logic: settings, database, outbox, bus, outgoing HTTP, secrets, health."""
