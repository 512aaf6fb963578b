"""All tokenisers, by the name that an experiment file uses."""

from collections.abc import Mapping

from models.config.midi import TokenName
from models.tokens.octuple import OCTUPLE
from models.tokens.performance import PERFORMANCE
from models.tokens.tokeniser import Tokeniser

TOKENISERS: Mapping[TokenName, Tokeniser] = {"performance": PERFORMANCE, "octuple": OCTUPLE}
"""Tokenisers by `midi_encoder.tokens`."""
