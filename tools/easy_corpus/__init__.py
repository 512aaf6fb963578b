"""A corpus of easy pieces: scores that music21 ships, with accompaniments, expressively played."""
