"""The README as tests read it."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()


def blocks(mark: str, language: str = "sh") -> list[str]:
    """Return the code blocks right behind ``<!-- mark -->``."""
    pattern = rf"^<!-- {re.escape(mark)} -->\n```{language}\n(.*?)^```$"
    return re.findall(pattern, README, re.MULTILINE | re.DOTALL)
