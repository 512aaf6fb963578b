"""The colours of all pages and pictures, chosen to stay apart for colour-blind eyes."""

from collections.abc import Mapping

from models.config.experiment import Experiment

COLOURS: Mapping[str, tuple[str, str]] = {
    "pristine": ("#018571", "#2fb59e"),
    "good": ("#80cdc1", "#80cdc1"),
    "moderate": ("#dfc27d", "#dfc27d"),
    "poor": ("#a6611a", "#c98a4b"),
    "blue": ("#4f86c6", "#7aa9e0"),
    "amber": ("#c9812a", "#e6a95a"),
    "red": ("#d1495b", "#ec7f8d"),
    "green": ("#2a9d8f", "#5cc0b2"),
    "violet": ("#8d6cab", "#b496d2"),
    "grey": ("#888888", "#8f979e"),
}
"""Each colour on a light and on a dark page: the CSS variables `--NAME`."""

TIER_COLOURS = {tier: COLOURS[tier][0] for tier in ("pristine", "good", "moderate", "poor")}
"""Tiers from best to worst: ColorBrewer's BrBG, in its colour-blind-safe class of four."""

EXPERIMENT_COLOURS: Mapping[Experiment, str] = {
    "heuristics_only": "grey",
    "audio_only": "blue",
    "midi_only": "amber",
    "crossattn": "red",
    "gated": "green",
    "concat": "violet",
}
"""The name of each experiment's colour."""
