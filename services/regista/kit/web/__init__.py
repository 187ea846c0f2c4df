"""What every HTTP boundary shares: problem documents, strict bodies, keyset pages, routes that name their action."""

from regista.kit.bodies import Body, Part
from regista.kit.web.describing import describe_alike
from regista.kit.web.edge import Edge
from regista.kit.web.pages import Cursor, Limit, Page, page
from regista.kit.web.problems import PROBLEMS, install_problems
from regista.kit.web.routing import ActionRouter, action_of

__all__ = [
    "PROBLEMS",
    "ActionRouter",
    "Body",
    "Cursor",
    "Edge",
    "Limit",
    "Page",
    "Part",
    "action_of",
    "describe_alike",
    "install_problems",
    "page",
]
