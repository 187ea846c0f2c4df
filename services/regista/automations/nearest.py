"""The name that somebody probably meant. Pure."""

import difflib

from regista.automations.tokens import paths, tokens
from regista.automations.variables import NAMES
from regista.automations.vocabulary import Vocabulary


def nearest_name(text: str, words: Vocabulary) -> str:
    """Return the variable, W&B's or the event's, that is most like the first unknown name in an expression."""
    known = sorted({*NAMES, *words.types})
    named = [".".join(path.steps) for path in paths(tokens(text))]
    wrong = next((name for name in named if not _is_known(name, words)), text)
    return max(known, key=lambda name: difflib.SequenceMatcher(None, wrong, name).ratio())


def _is_known(name: str, words: Vocabulary) -> bool:
    return any(name == word or name.startswith(f"{word}.") for word in words.types)
