"""Projects, runs, what runs log and their files over REST."""

from regista.tracking.api import files, history, projects, runs
from regista.tracking.api.routing import router

__all__ = ["files", "history", "projects", "router", "runs"]
