"""Fixtures that every test may use: the public data, and a small PercePiano checkout."""

import csv
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3  # type: ignore[import-untyped]
import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadFileScheduling

from degradation.notes import NOTE_DTYPE, PEDAL_DTYPE, SUSTAIN, Performance, snap
from degradation.seeds import stream
from models.config.experiment import ExperimentConfig, load_experiment
from storage.midi import write_midi
from storage.percepiano import MEANS_FILE, MIDI_FOLDER, RATINGS_FILE, SCALES

PROJECT = Path(__file__).parent.parent

# A line on standard input closes the server's port, the next one opens it again; data are kept.
SERVE_S3 = """
import itertools
import sys
from moto.server import ThreadedMotoServer
port, open_ports = 0, []
for _ in itertools.chain(["start"], sys.stdin):
    if open_ports:
        open_ports.pop().stop()
    else:
        open_ports.append(ThreadedMotoServer(ip_address="127.0.0.1", port=port, verbose=False))
        open_ports[0].start()
        port = open_ports[0].get_host_and_port()[1]
    print(port, flush=True)
"""

# How long an example takes says how busy the machine is, and nothing of what is tested.
settings.register_profile(
    "untimed", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("untimed")


class SharedProjectScheduling(LoadFileScheduling):  # type: ignore[misc]
    """Gives one process of pytest-xdist a whole file, and all files on the finished project.

    What these share is made once then: the project's whole graph, a browser, trained models.
    What takes longest begins first.
    """

    def _assign_work_unit(self, node: Any) -> None:
        for scope in ("finished", "tests/pipelines/test_ui.py"):
            if scope in self.workqueue:
                self.workqueue.move_to_end(scope, last=False)
        super()._assign_work_unit(node)

    def _split_scope(self, nodeid: str) -> str:
        file: str = super()._split_scope(nodeid)
        shares_project = "finished: Any" in (PROJECT / file).read_text(encoding="utf-8")
        return "finished" if shares_project else file


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as slow what needs the finished project: the whole graph is run for it."""
    for item in items:
        if "finished" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.slow)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> SharedProjectScheduling:
    return SharedProjectScheduling(config, log)


@pytest.fixture(scope="session", autouse=True)
def _signals_are_heard() -> None:
    """A shell lets what runs in the background ignore these, and what that starts would, too."""
    for number, heard in (
        (signal.SIGINT, signal.default_int_handler),
        (signal.SIGHUP, signal.SIG_DFL),
    ):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, heard)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of public data sets; tests that need it are marked `real_data`."""
    folder = Path(os.environ.get("PIANOGRADE_REAL_DATA", PROJECT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"the public data sets are not at {folder} (set PIANOGRADE_REAL_DATA)")
    return folder


PIECES = ("Beethoven_WoO80_var9", "Schubert_D935_no.3", "Schubert_D960_mv3")
PLAYERS = ("1", "2", "3", "4", "5", "Score")
SEGMENTS = 3
LOUDNESS = SCALES.index("timbre soft–loud")


def play(piece: str, player: str, segment: int) -> Performance:
    """Return a passage of 6 s: the notes follow from the music, how they go from the player."""
    music, hand = stream(0, piece, str(segment)), stream(0, piece, player, str(segment))
    onset_s = np.arange(0.2, 5.8, 0.2)
    notes = np.zeros(len(onset_s), NOTE_DTYPE)
    notes["note_id"] = np.arange(len(onset_s))
    notes["onset_s"] = snap(onset_s + hand.uniform(0, 0.05, len(onset_s)))
    notes["offset_s"] = snap(notes["onset_s"] + 0.12)
    notes["pitch"] = 60 + music.permutation(len(onset_s)) % 24
    swell = 50 + 8 * np.sin(np.arange(len(onset_s)) / 5)
    loud = 10 * (PLAYERS.index(player) - 2)
    notes["velocity"] = np.clip(swell + loud + hand.integers(-4, 5, len(onset_s)), 1, 127)
    lifts_s = np.arange(0.5, 5.5, 0.5)
    moved = ((0.0, 0), (0.1, 90))
    pedal = np.array(
        [(time_s + wait, SUSTAIN, depth) for time_s in lifts_s for wait, depth in moved],
        PEDAL_DTYPE,
    )
    pedal["time_s"] = snap(pedal["time_s"])
    return Performance(notes=notes, pedal=pedal, duration_s=6.0)


def write_checkout(root: Path) -> Path:
    """Write the checkout: ratings of loudness follow the velocity, all others are noise.

    As in the published one, a file's name begins with a space, a row has an answer above 7,
    some answers are missing, and of the 16-bar clips some overlap others.
    """
    (root / MIDI_FOLDER).mkdir(parents=True)
    (root / RATINGS_FILE).parent.mkdir(parents=True)
    means: dict[str, list[float]] = {}
    rows: list[list[object]] = []
    for piece in PIECES:
        for segment in range(1, SEGMENTS + 1):
            for player in PLAYERS:
                bars = 16 if segment == SEGMENTS and player == "1" else 8
                stem = f"{piece}_{bars}bars_{player}_{segment}"
                performance = play(piece, player, segment)
                first = not means
                name = f" {stem}.mid" if first else f"{stem}.mid"
                (root / MIDI_FOLDER / name).write_bytes(write_midi(performance))
                answers = rate(stem, performance)
                means[stem] = [*(np.nanmean(answers, axis=0) / 7).tolist(), 3]
                for rater, given in enumerate(answers):
                    written = ["" if np.isnan(answer) else answer for answer in given]
                    rows.append([100 + rater, len(rows), f"{stem}.wav", *written, "", ""])
    rows.append([999, len(rows), f"{next(iter(means))}.wav", *[9.0] * len(SCALES), "", ""])
    (root / MEANS_FILE).write_text(json.dumps(means), encoding="utf-8")
    with (root / RATINGS_FILE).open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        questions = [f"Question_{number}" for number in range(len(SCALES) + 1)]
        writer.writerow(["user", "dataID", "filename", *questions, "message"])
        writer.writerows(rows)
    return root


def rate(stem: str, performance: Performance) -> np.ndarray:
    """Return four listeners' answers, (4, 19), 1-7; one of them leaves a question out."""
    rng = stream(0, "ratings", stem)
    answers = rng.integers(1, 8, (4, len(SCALES))).astype(float)
    loud = 1 + 6 * np.clip((performance.notes["velocity"].mean() - 25) / 70, 0, 1)
    answers[:, LOUDNESS] = np.clip(np.rint(loud + rng.normal(0, 0.4, 4)), 1, 7)
    answers[0, 0] = np.nan
    return answers


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A PercePiano checkout in exactly the published format, of invented music and ratings.

    Three works, of each three passages by five players and as the score; not to be changed.
    """
    return write_checkout(tmp_path_factory.mktemp("percepiano") / "PercePiano")


@pytest.fixture(scope="session")
def demo_config() -> ExperimentConfig:
    return load_experiment(PROJECT / "configs" / "experiments" / "demo.yaml")


@pytest.fixture(scope="session")
def tiny_config(demo_config: ExperimentConfig) -> ExperimentConfig:
    """The demo's experiment, made as small as it will go."""
    small = demo_config.model_dump()
    small["torch_threads"] = 1
    small["audio_features"] |= {"bands": 8}
    small["audio_encoder"] |= {"width": 8, "dropout": 0.1}
    small["midi_encoder"] |= {"width": 8, "heads": 2, "feedforward": 8}
    small["projection"] |= {"width": 8}
    small["fusion"] |= {"heads": 2}
    small["hearing"] = None
    small["pretraining"] |= {"epochs": 2, "batch_size": 8}
    small["aggregation"] |= {"hidden": 4, "heads": 2}
    small["head"] |= {"hidden": 8}
    small["training"] |= {
        "epochs": 4,
        "patience_epochs": 4,
        "batch_size": 8,
        "shuffle_buffer_examples": 10,
        "open_parts": 2,
        "rows_per_read": 4,
        "progress_every_s": 1000.0,
    }
    return ExperimentConfig.model_validate(small)


@pytest.fixture(scope="session")
def save_model() -> Callable[..., Any]:
    """Save a network of random weights as a training would that had validation r `val_r`, MAE 5."""
    import torch

    from models.diagnostics.watch import FusionWatch
    from models.networks.network import GradingNetwork
    from models.training.checkpoint import describe_model, save_best
    from models.training.history import EpochRecord
    from models.training.record import TrainingData
    from models.training.result import TrainingResult, write_result

    def save(
        folder: Path,
        name: Any,
        config: Any,
        *,
        val_r: float | tuple[float, ...] = 0.5,
        val_loss: float = 0.5,
        change: Callable[[Any], None] = lambda network: None,
    ) -> Any:
        folder.mkdir(parents=True, exist_ok=True)
        with torch.random.fork_rng(), torch.no_grad():
            torch.manual_seed(len(name))
            network = GradingNetwork(name, config)
            change(network)
        record = EpochRecord(
            epoch=1, train_loss=0, terms={}, logged={}, val_loss=val_loss,
            val_r=val_r if isinstance(val_r, tuple) else (val_r,) * 8, val_mae=(5,) * 8,
            gradient_norms={}, diagnostics=FusionWatch().result(), learning_rate=0,
            samples_per_s=0, wait_share=0, seconds=0,
        )  # fmt: skip
        data = TrainingData(corpus="demo", tables={})
        about = describe_model(
            name, config, identity="0", data=data, pretraining=None, detector=None
        )
        about |= {"epoch": 1, "val_loss": val_loss}
        checkpoint = save_best(folder, name, about, network.state_dict())
        result = TrainingResult(
            experiment=name, identity="0", checkpoint=checkpoint, parameters=1,
            epochs=(record,),
        )  # fmt: skip
        write_result(folder, result)
        return network.eval()

    return save


class S3Server:
    """An S3 store on the loopback that can fail.

    It is a process of its own: Delta Lake holds Python's lock while it waits for the answer.
    """

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", SERVE_S3],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.port = self._answer()

    def _answer(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def open_or_close(self) -> None:
        """Close the port, so that connections are refused, or open it again."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        self._answer()

    @property
    def environment(self) -> dict[str, str]:
        return {
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}",
            "AWS_ALLOW_HTTP": "true",
        }


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    """An S3 store with a bucket `music`."""
    server = S3Server()
    with pytest.MonkeyPatch.context() as patched:
        for name, value in server.environment.items():
            patched.setenv(name, value)
        boto3.client("s3").create_bucket(Bucket="music")
    yield server
    server.process.kill()
    server.process.communicate()


@pytest.fixture(scope="session")
def object_store(s3_server: S3Server) -> Iterator[str]:
    """AWS's environment variables for the S3 store; the URL of a folder in its bucket."""
    with pytest.MonkeyPatch.context() as patched:
        for name, value in s3_server.environment.items():
            patched.setenv(name, value)
        yield "s3://music/base"
