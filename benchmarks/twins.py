"""How well kinship separates the same music from other music: `python -m benchmarks.twins ROOT`."""

import sys
from pathlib import Path

import numpy as np

from storage.corpus import read_index
from storage.midi import read_midi
from storage.twins import NAMES, Music, Pair, count_shared, find_passages


def print_separation(root: Path) -> None:
    """Print how kinship tells pairs of one title from pairs without a composer in common."""
    music, composed = [], []
    for entry in read_index(root).entries:
        notes = read_midi((root / entry.midi_filename).read_bytes(), entry.midi_filename).notes
        about = {name: getattr(entry, name) for name in NAMES}
        music.append(Music(**about, passages=find_passages(notes["onset_s"], notes["pitch"])))
        composed.append((entry.composition, set(entry.composer.split(" / "))))
    alike, unlike = [], []
    for place, shared in enumerate(count_shared(music, music)):
        for other in range(place):
            pair = Pair(music=music[place], twin=music[other], shared=int(shared[other]))
            if composed[place][0] == composed[other][0]:
                alike.append(pair.kinship)
            elif not composed[place][1] & composed[other][1]:
                unlike.append(pair.kinship)
    edges = (0.0, 0.4, 0.8, 1.0, 1.2, 1.3, 1.5, 1.75, 2.0, 3.0, 4.0, 6.0, 10.0, 20.0, 1000.0)
    counted = (np.histogram(kinships, edges)[0] for kinships in (alike, unlike))
    print("kinship from  one title  no composer in common")
    for edge, *counts in zip(edges, *counted, strict=False):
        print(f"{edge:12.2f} {counts[0]:10} {counts[1]:22}")


if __name__ == "__main__":
    print_separation(Path(sys.argv[1]))
