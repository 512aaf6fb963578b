"""What a trained note detector's notes tell: after `pianograde run`, with `hearing` on.

Prints how well boosted trees grade unseen clips by the plain measures of the true notes, and by
those of the heard ones; how each measure of the heard notes correlates with the true one; and, with
`--recordings`, how well notes are heard in the recordings of a MAESTRO root.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingRegressor

from degradation.notes import cut_window
from degradation.waveform import Waveform
from labeling.measures import PLAIN
from labeling.scores import DIMENSIONS
from models.hearing.hear import hear
from models.hearing.trained import warm_detector
from models.training.hearing.note_scores import mean_scores, score_notes
from models.training.hearing.result import NoteScores
from pipelines.assets.hearing import find_detector
from pipelines.cli.command import CorpusOption, report_user_error
from pipelines.workspace import Workspace, open_workspace
from storage.audio import decode_audio
from storage.corpus import read_index
from storage.midi import read_midi
from storage.tables import read_table

WINDOW_S = 10.0


def print_grades(workspace: Workspace, recipe: str) -> None:
    """Print r of trees on the true and the heard notes' measures, and how the two correlate."""
    columns = {
        "audio_features": ["sample_id", "split", "heard_measures"],
        "midi_tokens": ["sample_id", "measures"],
        "samples": ["sample_id", *DIMENSIONS],
    }
    found, *others = (
        read_table(workspace.table(recipe, name)).to_table(columns=names).to_pandas()
        for name, names in columns.items()
    )
    for other in others:
        found = found.merge(other, on="sample_id", validate="one_to_one")
    true, heard = (np.stack(found[name]).astype(float) for name in ("measures", "heard_measures"))
    learnt, judged = (found["split"] == split for split in ("train", "test"))
    print(f"{learnt.sum():,} clips learnt from, {judged.sum():,} judged")
    print(f"{'r by the measures of':<26}{'true notes':>11}{'heard':>7}")
    rows = []
    for name in DIMENSIONS:
        labels = found[name].to_numpy(float)
        rows.append([_r_of_trees(seen, labels, learnt, judged) for seen in (true, heard)])
        print(f"{name:<26}{rows[-1][0]:11.2f}{rows[-1][1]:7.2f}")
    print("{:<26}{:11.3f}{:7.3f}".format("mean", *np.mean(rows, axis=0)))
    print("r of a measure of the heard notes with that of the true ones")
    for measure, one, other in zip(PLAIN, true.T, heard.T, strict=True):
        both = np.isfinite(one) & np.isfinite(other)
        print(f"{measure:<38}{np.corrcoef(one[both], other[both])[0, 1]:6.2f}")


def _r_of_trees(
    seen: NDArray[np.float64],
    labels: NDArray[np.float64],
    learnt: NDArray[np.bool_],
    judged: NDArray[np.bool_],
) -> float:
    trees = HistGradientBoostingRegressor(
        max_iter=150, max_leaf_nodes=15, learning_rate=0.07, random_state=0
    )
    grades = trees.fit(seen[learnt], labels[learnt]).predict(seen[judged])
    return float(np.corrcoef(grades, labels[judged])[0, 1])


def heard_windows(workspace: Workspace, recipe: str, root: Path) -> Iterator[NoteScores]:
    """Yield how well each window with notes of a root's recordings is heard."""
    trained = find_detector(workspace, recipe, workspace.experiment_config())
    assert trained is not None
    detector = warm_detector(trained)
    for entry in read_index(root).entries:
        played = read_midi((root / entry.midi_filename).read_bytes(), entry.midi_filename)
        sound = decode_audio((root / entry.audio_filename).read_bytes(), entry.audio_filename)
        length = round(WINDOW_S * sound.sample_rate_hz)
        for number in range(len(sound.samples) // length):
            samples = sound.samples[number * length :][:length].copy()
            clip = Waveform(samples=samples, sample_rate_hz=sound.sample_rate_hz)
            (heard,) = hear([clip], detector)
            true = cut_window(played, number * WINDOW_S, WINDOW_S)
            if (scores := score_notes(true, heard)) is not None:
                yield scores


@report_user_error
def main(
    corpus: CorpusOption = None,
    recipe: str = "factored",
    recordings: Annotated[Path | None, typer.Option(help="A MAESTRO root with sound.")] = None,
) -> None:
    """Print what heard notes tell."""
    workspace = open_workspace(corpus)
    print_grades(workspace, recipe)
    if recordings:
        scores = list(heard_windows(workspace, recipe, recordings))
        found = mean_scores(scores)
        print(
            f"{len(scores)} windows of {recordings}: onset F1 {found.onset_f1:.2f}, with end "
            f"{found.offset_f1:.2f}, with velocity {found.velocity_f1:.2f}"
        )


if __name__ == "__main__":
    typer.run(main)
