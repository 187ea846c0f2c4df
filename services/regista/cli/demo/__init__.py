"""``regista demo``: the main job, on a temporary server of its own, shown as it happens.

The unmodified W&B client logs a run and links its model into a registry; the model is given the alias ``production``; a
local receiver takes the webhook that follows, and verifies its signature with the ``standardwebhooks`` package, as any
receiver would.
"""

from regista.cli.demo.story import demo

__all__ = ["demo"]
