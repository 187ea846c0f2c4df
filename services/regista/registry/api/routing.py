"""The one router of the registry: flat, since each level of routers is searched twice per request.

The modules are imported in the order in which their routes are to be tried, the hottest first.
"""

from regista.kit.web import PROBLEMS, ActionRouter

router = ActionRouter(tags=["registry"], responses=PROBLEMS)
