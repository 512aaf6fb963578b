"""Reads a PercePiano checkout: piano clips with listeners' ratings.

PercePiano (Park et al. 2024, "PercePiano: Piano Performance Evaluation Dataset with Multi-level
Perceptual Features"; github.com/JonghoKimSNU/PercePiano).
"""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from degradation.errors import UserError
from degradation.notes import Performance
from storage.corpus import Fault
from storage.midi import read_piano

MIDI_FOLDER = "virtuoso/data/all_2rounds"
MEANS_FILE = "label_2round_mean_reg_19_with0_rm_highstd0.json"
RATINGS_FILE = "labels/total_2rounds.csv"
MAESTRO_MAP_FILE = "percepiano_to_maestro_map.csv"
"""Which MAESTRO file each clip was cut from. Optional: the authors' repository lacks it."""

SCALES = (
    "timing stable–unstable",
    "articulation short–long",
    "articulation soft–hard",
    "pedal sparse–saturated",
    "pedal clean–blurred",
    "timbre even–colorful",
    "timbre shallow–rich",
    "timbre bright–dark",
    "timbre soft–loud",
    "dynamics mellow–raw",
    "dynamic range little–large",
    "pace fast–slow",
    "space flat–spacious",
    "balance disproportioned–balanced",
    "character pure–dramatic",
    "mood optimistic–dark",
    "energy low–high",
    "imagination honest–imaginative",
    "interpretation doubtful–convincing",
)
"""The 19 scales in the order of every label; 0 is the first pole and 1 the second.

The order is that of the table in the authors' README, whose names are longer.
"""

HIGHEST_ANSWER = 7
"""Answers are 1 to 7; an empty one or a 0 was not given."""

NAME = re.compile(r"(?P<piece>.+)_(?P<bars>\d+)bars_(?P<player>[^_]+)_(?P<segment>\d+)")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Clip:
    """A few bars by one player: what was played, and the means of listeners' ratings.

    `means` has shape (19,), each 0-1, in the order of `SCALES`. `maestro_midi` is the file of
    MAESTRO that it was cut from, where that is known.
    """

    stem: str
    piece: str
    bars: int
    player: str
    segment: int
    performance: Performance
    means: NDArray[np.float64]
    maestro_midi: str | None

    @property
    def is_score(self) -> bool:
        """Whether it is a deadpan rendering of the score, which no one played."""
        return self.player.startswith("Score")

    @property
    def work(self) -> str:
        """The work: `Schubert_D960` of the piece `Schubert_D960_mv3`; variations share one."""
        return "_".join(self.piece.split("_")[:2])

    @property
    def score_segment(self) -> str:
        """The bars of the score that are played: clips that share it are the same music."""
        return f"{self.piece}_{self.bars}bars_{self.segment}"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ratings:
    """Single answers: row i is one listener's of one clip.

    `stems` and `raters` have length n; `answers` has shape (n, 19), 1-7, NaN where not given.
    """

    stems: tuple[str, ...]
    raters: tuple[str, ...]
    answers: NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RatedClips:
    """A checkout: its clips by name, all single answers, and what could not be used."""

    clips: tuple[Clip, ...]
    ratings: Ratings
    rows_refused: int
    faults: tuple[Fault, ...]


def read_percepiano(root: Path) -> RatedClips:
    """Return a checkout's clips and ratings; a clip that cannot be used becomes a `Fault`.

    Raises UserError for a folder that is no checkout, or whose labels are not those described.
    """
    check_checkout(root)
    means = _read_means(root / MEANS_FILE)
    cut_from = _read_map(root / MAESTRO_MAP_FILE)
    clips: list[Clip] = []
    faults: list[Fault] = []
    files = {path.stem.strip(): path for path in sorted((root / MIDI_FOLDER).glob("*.mid"))}
    for stem in sorted(files | means):
        try:
            clips.append(_read_clip(stem, files, means, cut_from))
        except UserError as error:
            faults.append(Fault(stage="percepiano", item=stem, reason=str(error)))
    if not clips:
        raise UserError(
            f"{root} holds no clip that can be used ({len(faults)} were left out, the first: "
            f"{faults[0].reason if faults else 'no MIDI file and no label'}); expected MIDI in "
            f"{MIDI_FOLDER} and labels of the same names: check the checkout out again"
        )
    ratings, refused = _read_ratings(root / RATINGS_FILE)
    return RatedClips(
        clips=tuple(clips), ratings=ratings, rows_refused=refused, faults=tuple(faults)
    )


def check_checkout(root: Path) -> None:
    """Refuse a folder that lacks what a checkout has: UserError."""
    for needed in (MIDI_FOLDER, MEANS_FILE, RATINGS_FILE):
        if not (root / needed).exists():
            raise UserError(
                f"{root} has no {needed}; expected a checkout of PercePiano (its README, labels "
                "and virtuoso folders): name the folder that `git clone` made"
            )


def _read_clip(
    stem: str,
    files: Mapping[str, Path],
    means: Mapping[str, NDArray[np.float64]],
    cut_from: Mapping[str, str],
) -> Clip:
    parsed = NAME.fullmatch(stem)
    if parsed is None:
        raise UserError(f"{stem} is no clip's name; expected PIECE_Nbars_PLAYER_SEGMENT")
    if stem not in files:
        raise UserError(f"{stem} has labels and no MIDI file")
    if stem not in means:
        raise UserError(f"{stem} has a MIDI file and no labels")
    path = files[stem]
    try:
        music = read_piano(path.read_bytes(), path.name)
    except OSError as error:
        raise UserError(f"{path.name} cannot be read ({error.strerror})") from error
    if music.left_out:  # listeners rated more than the piano that is read
        raise UserError(f"{path.name} holds more than a piano: {'; '.join(music.left_out)}")
    return Clip(
        stem=stem,
        piece=parsed["piece"],
        bars=int(parsed["bars"]),
        player=parsed["player"],
        segment=int(parsed["segment"]),
        performance=music.performance,
        means=means[stem],
        maestro_midi=cut_from.get(stem),
    )


def _read_means(path: Path) -> dict[str, NDArray[np.float64]]:
    """Return the 19 means of each clip; later values (the player) are not read."""
    with _refusing(path, "a JSON object of lists"):
        stored = json.loads(path.read_text(encoding="utf-8"))
        found = {
            stem.strip(): np.array(values[: len(SCALES)], dtype=np.float64)
            for stem, values in stored.items()
        }
    for stem, values in found.items():
        if values.shape != (len(SCALES),) or not ((values >= 0) & (values <= 1)).all():
            raise UserError(
                f"{path} has {len(values)} labels of {stem} between {values.min(initial=0):g} and "
                f"{values.max(initial=0):g}; expected {len(SCALES)} of 0 to 1: check it out again"
            )
    return found


def _read_ratings(path: Path) -> tuple[Ratings, int]:
    """Return the single answers, and how many rows were refused for an answer above 7.

    The authors' means are computed in the same way: a row with such an answer is left out, and a
    0 is a missing answer.
    """
    with _refusing(path, f"CSV in UTF-8 with answers of 1 to {HIGHEST_ANSWER}"):
        table = pd.read_csv(path, dtype=str, index_col=False, keep_default_na=False)
        answers = table.iloc[:, 3 : 3 + len(SCALES)].replace("", "0").to_numpy(dtype=np.float64)
    if [*table.columns[:3], answers.shape[1]] != ["user", "dataID", "filename", len(SCALES)]:
        raise UserError(
            f"{path} begins with the columns {', '.join(table.columns[:3])} and has "
            f"{answers.shape[1]} columns of answers; expected user, dataID, filename and "
            f"{len(SCALES)}: check it out again"
        )
    accepted = answers.max(axis=1) <= HIGHEST_ANSWER
    answers = np.where(answers == 0, np.nan, answers)[accepted]
    stems = table["filename"][accepted].str.removesuffix(".wav").str.strip()
    ratings = Ratings(stems=tuple(stems), raters=tuple(table["user"][accepted]), answers=answers)
    return ratings, int((~accepted).sum())


def _read_map(path: Path) -> dict[str, str]:
    """Return the MAESTRO file of each clip that was cut from one; nothing without the file."""
    if not path.exists():
        return {}
    with _refusing(path, "CSV with the columns file and maestro_midi"):
        table = pd.read_csv(path, dtype=str, usecols=["file", "maestro_midi"]).dropna()
    stems = table["file"].str.removesuffix(".mid").str.strip()
    return dict(zip(stems, table["maestro_midi"], strict=True))


@contextmanager
def _refusing(path: Path, expected: str) -> Iterator[None]:
    """Turn errors of reading a file of the checkout into a UserError."""
    try:
        yield
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise UserError(
            f"{path} cannot be read ({error}); expected {expected}: check it out again"
        ) from error
