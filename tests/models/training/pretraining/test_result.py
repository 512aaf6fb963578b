from pathlib import Path

from models.training.pretraining.result import PretrainingEpoch, PretrainingResult


def record(epoch: int, val_loss: float, pitch: float = 3.0) -> PretrainingEpoch:
    return PretrainingEpoch(
        epoch=epoch,
        train_loss=0.0,
        val_loss=val_loss,
        val_cross_entropy={"pitch": pitch, "velocity": 3.0, "tempo": 0.002},
        unigram_cross_entropy={"pitch": 4.0, "velocity": 2.9, "tempo": 0.001},
        learning_rate=0.0,
        notes_per_s=0.0,
        seconds=1.0,
    )


def test_fields_are_judged_by_the_best_epoch_where_there_is_something_to_guess() -> None:
    epochs = (record(1, 0.5, pitch=5.0), record(2, 0.3))
    result = PretrainingResult(identity="", checkpoint=Path("x"), parameters=0, epochs=epochs)
    assert result.best.beats_unigram == {"pitch": True, "velocity": False}
    assert result.seconds == 2.0
    assert result.best.summary().endswith("in 1 of 2 fields")
