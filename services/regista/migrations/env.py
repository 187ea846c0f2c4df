"""Alembic asks for this file; revisions are run by `regista.migrations.migrate` alone."""

raise SystemExit("run `regista migrate`: revisions are not run by the alembic command")
