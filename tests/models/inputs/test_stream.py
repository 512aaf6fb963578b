import dataclasses
from collections import Counter

import numpy as np
import pandas as pd
import pytest
import torch

from degradation.errors import UserError
from degradation.seeds import stream
from labeling.scores import DIMENSIONS
from models.inputs.feature_reader import Features, NoteFeatures
from models.inputs.stream import (
    Shard,
    StreamedExamples,
    Targets,
    alike_in_length,
    check_readers,
    deal,
    examples_a_reader,
    interleaved,
    load_batches,
    shuffled,
)
from models.tokens.tokenisers import TOKENISERS

BOTH = frozenset({"audio", "midi"})


def ids(corpus, config, split="train", epoch=0, shard=None) -> list[str]:
    examples = StreamedExamples(corpus.parts, Targets(corpus.samples, split), config, BOTH, epoch)
    return [found.sample_id for found in examples._features(shard or Shard(0, 1, 1))]


@pytest.mark.parametrize("split", ["train", "validation", "test"])
@pytest.mark.parametrize("epoch", [None, 0, 7])
def test_every_sample_of_the_split_once(corpus, tiny_config, split, epoch) -> None:
    expected = corpus.samples[corpus.samples["split"] == split]["sample_id"]
    assert sorted(ids(corpus, tiny_config, split, epoch)) == sorted(expected)


def test_order_follows_from_seed_and_epoch(corpus, tiny_config) -> None:
    reseeded = tiny_config.model_copy(update={"seed": tiny_config.seed + 1})
    assert ids(corpus, tiny_config, epoch=3) == ids(corpus, tiny_config, epoch=3)
    assert ids(corpus, tiny_config, epoch=3) != ids(corpus, tiny_config, epoch=4)
    assert ids(corpus, tiny_config, epoch=3) != ids(corpus, reseeded, epoch=3)
    stored = [uri.rpartition("-")[2].split(".")[0] for uri in corpus.parts.audio_features]
    tiers = [name.split("-")[0] for name in ids(corpus, tiny_config, epoch=None)]
    assert list(dict.fromkeys(tiers)) == stored


def test_tiers_are_mixed(corpus, tiny_config) -> None:
    wide = tiny_config.model_copy(
        update={"training": tiny_config.training.model_copy(update={"open_parts": 4})}
    )
    first = [name.split("-")[0] for name in ids(corpus, wide)[:16]]
    assert len(set(first)) == 4


@pytest.mark.parametrize("count", [2, 3, 4, 6])
def test_shards_share_out_every_sample(corpus, tiny_config, count: int) -> None:
    dealt = [
        name for i in range(count) for name in ids(corpus, tiny_config, shard=Shard(i, count, 1))
    ]
    assert Counter(dealt) == Counter(ids(corpus, tiny_config))


@pytest.mark.parametrize("ranks", [2, 3, 4])
def test_every_rank_gives_as_many_examples(corpus, tiny_config, ranks: int) -> None:
    given = [ids(corpus, tiny_config, shard=Shard(i, ranks, ranks)) for i in range(ranks)]
    assert {len(names) for names in given} == {examples_a_reader(48, ranks)}
    assert set().union(*given) <= set(ids(corpus, tiny_config))
    again = [ids(corpus, tiny_config, shard=Shard(i, ranks, ranks)) for i in range(ranks)]
    assert given == again


def test_a_rank_without_a_part_is_refused(corpus, tiny_config) -> None:
    def on(devices: int) -> None:
        training = tiny_config.training.model_copy(update={"devices": devices})
        config = tiny_config.model_copy(update={"training": training})
        check_readers(corpus.parts, Targets(corpus.samples, "train"), config, BOTH)

    on(4)
    with pytest.raises(UserError, match="lie in 4 parts and are dealt to 5 readers"):
        on(5)


def test_parts_are_dealt_evenly_and_once() -> None:
    rows = [100, 0, 40, 35, 25, 7]
    dealt = deal(rows, np.array([5, 4, 3, 2, 1, 0]), 2)
    assert sorted(part for parts in dealt for part in parts) == [0, 2, 3, 4, 5]
    assert sorted(sum(rows[part] for part in parts) for parts in dealt) == [100, 107]
    assert dealt == [[5, 0], [4, 3, 2]]


@pytest.mark.slow
def test_loader_workers_share_out_every_sample(corpus, tiny_config) -> None:
    training = tiny_config.training.model_copy(update={"loader_workers": 2})
    config = tiny_config.model_copy(update={"training": training})
    loader = load_batches(corpus.parts, Targets(corpus.samples, "train"), config, BOTH, 0)
    loaded = [name for batch in loader for name in batch.sample_ids]
    assert Counter(loaded) == Counter(ids(corpus, tiny_config))


def test_labels_belong_to_their_samples(corpus, tiny_config) -> None:
    truth = corpus.samples.set_index("sample_id")[list(DIMENSIONS)]
    loader = load_batches(corpus.parts, Targets(corpus.samples, "train"), tiny_config, BOTH, 1)
    for batch in loader:
        expected = torch.tensor(truth.loc[list(batch.sample_ids)].to_numpy(np.float32))
        assert torch.equal(batch.scores, expected)


def test_features_without_labels_are_refused(corpus, tiny_config) -> None:
    fewer = dataclasses.replace(corpus, samples=corpus.samples.iloc[1:])
    loader = load_batches(fewer.parts, Targets(fewer.samples, "train"), tiny_config, BOTH, None)
    with pytest.raises(UserError, match="pristine-000 has features but no train row"):
        list(loader)


def test_a_sample_twice_in_the_table_is_refused(corpus) -> None:
    doubled = pd.concat([corpus.samples, corpus.samples.iloc[:1]])
    with pytest.raises(UserError, match="pristine-000 twice"):
        Targets(doubled, "train")


@pytest.mark.parametrize("size", [1, 5, 50, 500])
def test_the_buffer_loses_nothing_and_reaches_no_further(size: int) -> None:
    order = list(shuffled(iter(range(200)), size, stream(0, "test")))  # type: ignore[arg-type, type-var]
    assert sorted(order) == list(range(200))
    assert all(value < place + size + 1 for place, value in enumerate(order))
    assert (order == list(range(200))) == (size == 1)


def clip_of(notes: int, field: str = "notes") -> Features:
    tokens = np.zeros(notes, TOKENISERS["performance"].dtype)
    told = NoteFeatures(tokens=tokens, measures=np.zeros(1, np.float32))
    clip = Features(sample_id=str(notes), duration_s=1.0, audio=None, notes=None)
    return dataclasses.replace(clip, **{field: told})


@pytest.mark.parametrize("field", ["notes", "heard"])
@pytest.mark.parametrize("count", [0, 5, 64, 1000])
def test_batches_hold_clips_of_about_one_length_and_lose_none(count: int, field: str) -> None:
    lengths = stream(0, "lengths").permutation(count).tolist()
    sorted_in_groups = alike_in_length(
        (clip_of(length, field) for length in lengths), 8, stream(0, "test")
    )
    order = [int(clip.sample_id) for clip in sorted_in_groups]
    assert sorted(order) == list(range(count))
    batches = [order[first : first + 8] for first in range(0, count, 8)]
    apart = [max(batch) - min(batch) for batch in batches]
    # A batch of 16 x 8 sorted ones spans a sixteenth of all lengths, where chance spans most.
    assert np.mean(apart or [0]) < max(0.1 * count, 8)
    assert sorted(batches[:16]) != batches[:16] or len(batches) < 3  # in random order


def test_only_so_many_sources_are_open() -> None:
    started: list[int] = []

    def source(number: int):
        started.append(number)
        yield from [number] * 20

    sources = [source(number) for number in range(10)]
    drawn = interleaved(sources, 3, stream(0, "test"))
    seen = [next(drawn) for _ in range(20)]
    assert max(started) <= 3
    assert len(set(seen)) == 3
    assert Counter([*seen, *drawn]) == Counter(list(range(10)) * 20)
