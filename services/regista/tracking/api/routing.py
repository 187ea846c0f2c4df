"""The one router of tracking."""

from regista.kit.web import PROBLEMS, ActionRouter

router = ActionRouter(tags=["tracking"], responses=PROBLEMS)

PROJECT = "/projects/{entity}/{project}"
RUN = PROJECT + "/runs/{run}"
