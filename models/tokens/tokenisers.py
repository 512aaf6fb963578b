"""The tokenisers there are, by the name that an experiment gives them."""

from collections.abc import Mapping

from models.config.midi import TokenName
from models.tokens.octuple import OCTUPLE
from models.tokens.performance import PERFORMANCE
from models.tokens.tokeniser import Tokeniser

TOKENISERS: Mapping[TokenName, Tokeniser] = {"performance": PERFORMANCE, "octuple": OCTUPLE}
"""From `midi_encoder.tokens` to what it means."""
