"""What becomes due by itself: silent runs, versions that have expired, uploads that were given up, what is forgotten.

Who does it
    The one holder of a session advisory lock, on the connection that holds it. Everybody else who could do it stands by
    and asks for the lock every second.

What a crash leaves
    Nothing half done: a sweep works in transactions of its own slice, each with its events, and the next holder begins
    with a sweep of everything. A frozen holder loses its connection after 10 s; should it wake while another sweeps,
    both are right: what a sweep changes it locks first, and what was changed already is not due any more.
"""

from regista.upkeep.agenda import Sweep
from regista.upkeep.service import Upkeep

__all__ = ["Sweep", "Upkeep"]
