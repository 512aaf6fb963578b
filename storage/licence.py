"""Finds the licence of a corpus, and says what it allows."""

from pathlib import Path

DEMO_LICENCE = "CC0-1.0"
UNKNOWN = "unknown"

KNOWN = {
    "attribution-noncommercial-sharealike 4.0": "CC-BY-NC-SA-4.0",
    "attribution-noncommercial 4.0": "CC-BY-NC-4.0",
    "attribution-sharealike 4.0": "CC-BY-SA-4.0",
    "attribution 4.0": "CC-BY-4.0",
    "cc0 1.0": "CC0-1.0",
}
"""SPDX identifiers by how a Creative Commons licence's text begins."""

_NAMED = "name the source and say what was changed"
IN_WORDS = {
    "CC-BY-NC-SA-4.0": f"{_NAMED}; no commercial use; pass it on under the same licence.",
    "CC-BY-NC-4.0": f"{_NAMED}; no commercial use.",
    "CC-BY-SA-4.0": f"{_NAMED}; pass it on under the same licence.",
    "CC-BY-4.0": f"{_NAMED}.",
    "CC0-1.0": "use it for anything, without asking.",
    UNKNOWN: "pianograde does not know it: ask the owner of the performances before you pass "
    "anything on.",
}
"""What each licence asks of those who use the rows."""


def find_licence(root: Path) -> str:
    """Return the SPDX identifier of a root's `LICENSE` file, or `unknown`."""
    path = root / "LICENSE"
    if not path.is_file():
        return UNKNOWN
    beginning = path.read_text(encoding="utf-8", errors="replace")[:500].casefold()
    return next((name for words, name in KNOWN.items() if words in beginning), UNKNOWN)
