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

from labeling.measures import PLAIN
from labeling.scores import DIMENSIONS
from models.hearing.detector import warm_detector
from models.hearing.hear import hear
from models.hearing.spectrum import RATE_HZ
from models.inference.sources import Sources
from models.inference.windows import open_performance, read_windows
from models.training.hearing.note_scores import mean_scores, score_notes
from models.training.hearing.result import NoteScores
from pipelines.assets.hearing import find_detector
from pipelines.cli.command import CorpusOption, report_user_error
from pipelines.workspace import Workspace, open_workspace
from storage.corpus import read_index
from storage.tables import read_table


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
    corpus = workspace.settings.corpus_config()
    corpus = corpus.model_copy(update={"hop_s": corpus.window_s})
    for entry in read_index(root).entries:
        take = Sources(midi=root / entry.midi_filename, audio=root / entry.audio_filename)
        opened = open_performance(take, corpus.duration_tolerance_s)
        for window in read_windows(opened, corpus, RATE_HZ):
            assert window.notes is not None
            assert window.sound is not None
            (heard,) = hear([window.sound], detector)
            if (scores := score_notes(window.notes, heard)) is not None:
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
