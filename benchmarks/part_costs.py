"""Time each part of the models: `python -m benchmarks.part_costs EXPERIMENT_FILE`.

A batch of clips goes through every part of the experiment file, forward and back, on the GPU
where there is one. Memory is what the part needs to train: 16 bytes a parameter (weight,
gradient, and Adam's two moments) and the activations that are kept for the backward pass. MERT
and the note detector are frozen: their time is that of a forward pass, their memory that of the
weights and of what one pass returns. What is frozen is not in the parameters of a whole model. On
a GPU all but MERT's weights compute in the precision of the experiment file.
"""

import argparse
import functools
import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from transformers import HubertConfig, HubertModel

from labeling.measures import PLAIN
from models.config.audio import MERT_RATE_HZ, MertFeatures
from models.config.experiment import Experiment, ExperimentConfig, load_experiment
from models.config.hearing import DetectorConfig
from models.device import accelerator, torch_threads
from models.hearing.detector import NoteDetector
from models.hearing.spectrum import RATE_HZ, pitch_spectrum
from models.inputs.batch import Batch, Example, collate
from models.inputs.feature_reader import Features, NoteFeatures
from models.networks.aggregation import Aggregation
from models.networks.audio_encoder import AudioEncoder
from models.networks.fusion import make_fusion
from models.networks.measure_reader import MeasureReader
from models.networks.midi_encoder import EMBEDDINGS, NoteEncoder
from models.networks.network import GradingNetwork
from models.networks.projection import Projection
from models.networks.score_head import ScoreHead
from models.tokens.tokenisers import TOKENISERS

CLIP_S = 10.0
NOTES = 120
"""A window of MAESTRO has about so many notes."""
BYTES_A_TRAINED_PARAMETER = 16
REPEATS = 2
RATE_S = 1.5
"""How long training steps are timed with each number of threads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartCost:
    """One part: its parameters, seconds a batch (the best of a few), and bytes to train it."""

    name: str
    parameters: int
    seconds: float
    memory_bytes: int


def random_batch(config: ExperimentConfig, clips: int) -> Batch:
    """Return a batch of clips of noise and random notes."""
    rng = np.random.default_rng(0)
    frames = int(CLIP_S * config.audio_features.frame_rate_hz)
    records = TOKENISERS[config.midi_encoder.tokens].dtype

    def example(number: int) -> Example:
        tokens = np.zeros(NOTES, records)
        for name in tokens.dtype.names or ():
            tokens[name] = rng.integers(1, 20, NOTES)
        if "onset_s" in (tokens.dtype.names or ()):
            tokens["onset_s"] = np.sort(rng.uniform(0, CLIP_S, NOTES))
        audio = rng.normal(size=(frames, config.audio_features.width)).astype(np.float16)
        notes = NoteFeatures(tokens=tokens, measures=rng.normal(size=len(PLAIN)).astype(np.float32))
        features = Features(
            sample_id=str(number),
            duration_s=CLIP_S,
            audio=audio,
            notes=notes,
            heard=notes if config.hearing else None,
        )
        return Example(features=features, scores=np.full(8, 75, np.float32))

    return collate([example(number) for number in range(clips)], config)


def _synchronise() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def mert_cost(config: MertFeatures, clips: int, device: torch.device) -> PartCost:
    """Measure a pass of `clips` clips through MERT-v1-95M at random weights, as features make it.

    `transformers` gives HuBERT base its size by default, and MERT has that size.
    """
    model = HubertModel(HubertConfig())
    del model.encoder.layers[max(config.layers) :]  # nothing reads them
    nn.Module.to(model.eval(), device)  # type: ignore[no-untyped-call]
    sound = torch.randn(clips, int(CLIP_S * MERT_RATE_HZ), device=device)

    def run() -> tuple[Tensor, ...]:
        with torch.autocast(device.type, enabled=device.type == "cuda"):
            hidden: tuple[Tensor, ...] = model(sound, output_hidden_states=True).hidden_states
        return hidden

    return frozen_cost(f"MERT to layer {max(config.layers)}", model, run)


def detector_cost(config: DetectorConfig, clips: int, device: torch.device) -> PartCost:
    """Measure spectra of `clips` clips and a pass of the note detector, at random weights."""
    detector = NoteDetector(config).eval().to(device)
    sound = torch.randn(clips, int(CLIP_S * RATE_HZ), device=device)

    def run() -> tuple[Tensor, ...]:
        heard = detector(pitch_spectrum(sound))
        return heard.onset, heard.sounding, heard.velocity, heard.pedal

    return frozen_cost("note detector", detector, run)


def frozen_cost(name: str, model: nn.Module, run: Callable[[], Iterable[Tensor]]) -> PartCost:
    """Measure `run`, a pass through `model` that returns what it makes."""
    seconds, made = math.inf, 0
    for _ in range(REPEATS):
        _synchronise()
        started_s = time.perf_counter()
        with torch.inference_mode():
            found = run()
        _synchronise()
        seconds = min(seconds, time.perf_counter() - started_s)
        made = sum(tensor.nbytes for tensor in found)
    return PartCost(
        name=f"{name} (frozen, once)",
        parameters=sum(weight.numel() for weight in model.parameters()),
        seconds=seconds,
        memory_bytes=sum(weight.nbytes for weight in model.parameters()) + made,
    )


def cost(name: str, part: nn.Module, run: Callable[[], Tensor], *, half: bool) -> PartCost:
    """Measure `run`, a pass through `part` that returns a tensor to go back from.

    `half` computes in bfloat16, as training does on a GPU.
    """
    kept: dict[int, int] = {}
    own = {weight.untyped_storage().data_ptr() for weight in part.parameters()}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    def once() -> float:
        _synchronise()
        started_s = time.perf_counter()
        torch.autograd.backward(forward().float().square().mean())
        _synchronise()
        return time.perf_counter() - started_s

    def forward() -> Tensor:
        with torch.autocast(device.type, torch.bfloat16, enabled=half):
            return run()

    device = next(part.parameters()).device
    seconds = min(once() for _ in range(REPEATS))
    parameters = sum(weight.numel() for weight in part.parameters() if weight.requires_grad)
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        held = forward()  # what it saves lives as long as its graph
    memory = BYTES_A_TRAINED_PARAMETER * parameters + sum(kept.values())
    del held
    return PartCost(name=name, parameters=parameters, seconds=seconds, memory_bytes=memory)


def _attribute(run: Callable[[], object], name: str) -> Tensor:
    found: Tensor = getattr(run(), name)
    return found


def part_costs(config: ExperimentConfig, clips: int) -> list[PartCost]:
    """Return the cost of each part with a batch of `clips` clips of `CLIP_S` seconds."""
    device = torch.device(accelerator())
    batch = random_batch(config, clips).to(device)
    notes = batch.notes
    assert notes is not None
    assert batch.audio is not None
    steps, width = math.ceil(CLIP_S * config.grid_rate_hz), config.projection.width
    mask = torch.ones(clips, steps, dtype=torch.bool, device=device)
    found: list[PartCost] = []

    def measure(name: str, part: nn.Module, run: Callable[[], Tensor]) -> None:
        part.to(device).train()
        half = device.type == "cuda" and config.training.precision == "bf16"
        found.append(cost(name, part, run, half=half))

    def side() -> Tensor:
        return torch.randn(clips, steps, width, device=device, requires_grad=True)

    if isinstance(config.audio_features, MertFeatures):
        found.append(mert_cost(config.audio_features, clips, device))
    if config.hearing:
        found.append(detector_cost(config.hearing.detector, clips, device))
    audio = AudioEncoder(
        config.audio_features.width, config.audio_frames_per_step, config.audio_encoder
    )
    if any(True for _ in audio.parameters()):
        measure("audio encoder", audio, lambda: audio(batch.audio, batch.audio_frames))
    midi = NoteEncoder(config.grid_rate_hz, config.midi_encoder)
    measure("MIDI encoder", midi, lambda: midi(notes.fields, notes.mask, steps))
    reader = EMBEDDINGS[config.midi_encoder.tokens](config.midi_encoder)
    measure("note reader", reader, lambda: reader(notes.fields, notes.mask))
    measures = MeasureReader(width, config.head.dropout)
    measure("measures", measures, lambda: measures(notes.measures, mask).vector)
    notes_width = config.midi_encoder.width
    heard_width = notes_width if config.hearing else 0
    for name, from_width in (("audio", audio.width + heard_width), ("MIDI", notes_width)):
        projection = Projection(from_width, width)
        encoded = torch.randn(clips, steps, from_width, device=device)
        measure(f"{name} projection", projection, functools.partial(projection, encoded))
    fusions: tuple[Experiment, ...] = ("crossattn", "gated", "concat")
    for experiment in fusions:
        fusion = make_fusion(experiment, width, config.fusion)
        fuse = functools.partial(fusion, side(), side(), mask)
        measure(f"{experiment} fusion", fusion, functools.partial(_attribute, fuse, "steps"))
    aggregation, sequence = Aggregation(width, config.aggregation), side()
    measure("aggregation", aggregation, lambda: aggregation(sequence, batch.steps).vector)
    coral = config.loss.coral
    head = ScoreHead(aggregation.width, len(coral.thresholds) if coral else 0, config.head)
    vector = torch.randn(clips, aggregation.width, device=device, requires_grad=True)
    measure("head", head, lambda: head(vector).standardised)
    for experiment in config.experiments:
        network = GradingNetwork(experiment, config)
        grade = functools.partial(network, batch)
        measure(f"{experiment}, whole", network, functools.partial(_attribute, grade, "scores"))
    return found


def training_rates(
    experiment: Experiment, config: ExperimentConfig, thread_counts: Iterable[int]
) -> dict[int, float]:
    """Return how many samples a second a training on the CPU learns from, by torch's threads.

    Batches are of the configured size. The numbers of threads take turns, so that a machine that
    slows down slows all, and the mean counts: threads that wait for a core are slow now and then.
    """
    batch = random_batch(config, config.training.batch_size)
    network = GradingNetwork(experiment, config).train()
    optimizer = torch.optim.AdamW(network.parameters())

    def step_s(threads: int) -> float:
        with torch_threads(threads):
            started_s = time.perf_counter()
            optimizer.zero_grad()
            torch.autograd.backward(network(batch).standardised.square().mean())
            optimizer.step()
            return time.perf_counter() - started_s

    spent_s = dict.fromkeys(thread_counts, 0.0)
    for threads in spent_s:
        step_s(threads)  # starts the threads
    rounds = 0
    while sum(spent_s.values()) < RATE_S * len(spent_s):
        rounds += 1
        for threads in spent_s:
            spent_s[threads] += step_s(threads)
    return {n: rounds * config.training.batch_size / spent for n, spent in spent_s.items()}


def as_markdown(costs: list[PartCost], clips: int) -> str:
    """Return the costs as a table."""
    lines = [
        "| part | parameters | ms a step | memory to train (MB) |",
        "| --- | ---: | ---: | ---: |",
        *(
            f"| {one.name} | {one.parameters:,} | {1000 * one.seconds:,.0f} | "
            f"{one.memory_bytes / 1e6:,.0f} |"
            for one in costs
        ),
        "",
        f"A step is a batch of {clips} clips of {CLIP_S:g} s, {NOTES} notes each.",
    ]
    return "\n".join(lines)


def main() -> None:
    """Print the table for an experiment file."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("experiment", type=Path)
    parser.add_argument("--clips", type=int, default=8)
    given = parser.parse_args()
    config = load_experiment(given.experiment)
    with torch_threads(config.torch_threads):
        print(as_markdown(part_costs(config, given.clips), given.clips))


if __name__ == "__main__":
    main()
