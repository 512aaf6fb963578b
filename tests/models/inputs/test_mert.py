import functools
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import huggingface_hub.constants
import numpy as np
import pytest
import safetensors.torch
import torch
from transformers import HubertConfig, HubertModel, Wav2Vec2FeatureExtractor

from degradation.errors import UserError
from degradation.waveform import Waveform
from models.config.audio import MertFeatures
from models.inputs.mert import Mert, load_mert, warm_mert
from models.inputs.mert_files import mert_identity
from models.inputs.mert_frames import mert_frames, pooling_matrix

COMMIT = "12af15fef9d0ac838c3f475bfbbf26d2060dd4f5"
MAGNITUDE = "encoder.pos_conv_embed.conv.parametrizations.weight.original0"
DIRECTION = "encoder.pos_conv_embed.conv.parametrizations.weight.original1"
NAMES_BEFORE_TORCH_2 = {
    MAGNITUDE: "encoder.pos_conv_embed.conv.weight_g",
    DIRECTION: "encoder.pos_conv_embed.conv.weight_v",
}
SMALL = {
    "conv_dim": [8] * 7,
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_attention_heads": 2,
}
MERT_95M: dict[str, Any] = {
    "activation_dropout": 0.1,
    "apply_spec_augment": True,
    "architectures": ["MERTModel"],
    "attention_dropout": 0.1,
    "attention_relax": -1.0,
    "auto_map": {
        "AutoConfig": "configuration_MERT.MERTConfig",
        "AutoModel": "modeling_MERT.MERTModel",
    },
    "bos_token_id": 1,
    "classifier_proj_size": 256,
    "conv_bias": False,
    "conv_dim": [512] * 7,
    "conv_kernel": [10, 3, 3, 3, 3, 2, 2],
    "conv_stride": [5, 2, 2, 2, 2, 2, 2],
    "ctc_loss_reduction": "sum",
    "ctc_zero_infinity": False,
    "deepnorm": False,
    "do_stable_layer_norm": False,
    "eos_token_id": 2,
    "feat_extract_activation": "gelu",
    "feat_extract_dropout": 0.0,
    "feat_extract_norm": "group",
    "feat_proj_dropout": 0.1,
    "feat_proj_layer_norm": True,
    "feature_extractor_cqt": False,
    "feature_extractor_cqt_bins": 336,
    "final_dropout": 0.1,
    "gradient_checkpointing": False,
    "hidden_act": "gelu",
    "hidden_dropout": 0.1,
    "hidden_size": 768,
    "initializer_range": 0.02,
    "intermediate_size": 3072,
    "layer_norm_eps": 1e-05,
    "layerdrop": 0.1,
    "mask_feature_length": 10,
    "mask_feature_min_masks": 0,
    "mask_feature_prob": 0.0,
    "mask_time_length": 10,
    "mask_time_min_masks": 2,
    "mask_time_prob": 0.05,
    "model_type": "mert_model",
    "num_attention_heads": 12,
    "num_conv_pos_embedding_groups": 16,
    "num_conv_pos_embeddings": 128,
    "num_feat_extract_layers": 7,
    "num_hidden_layers": 12,
    "pad_token_id": 0,
    "sample_rate": 24_000,
    "tokenizer_class": "Wav2Vec2CTCTokenizer",
    "torch_dtype": "float32",
    "transformers_version": "4.24.0",
    "use_weighted_layer_sum": False,
    "vocab_size": 32,
}
PREPROCESSOR: dict[str, Any] = {
    "do_normalize": True,
    "feature_extractor_type": "Wav2Vec2FeatureExtractor",
    "feature_size": 1,
    "padding_side": "right",
    "padding_value": 0.0,
    "return_attention_mask": True,
    "sampling_rate": 24_000,
}
Tensors = dict[str, torch.Tensor]
TinyMert = Callable[..., Path]


def hubert(changes: dict[str, Any], seed: int = 3) -> HubertModel:
    """MERT's architecture with random weights, none of them at a value that hides a mistake."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = HubertModel(HubertConfig(**(MERT_95M | changes)))
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(torch.randn_like(parameter), alpha=0.1)
    return model.eval()


@functools.cache
def tiny_tensors(seed: int) -> Tensors:
    return hubert(SMALL, seed).state_dict()


@pytest.fixture(scope="session")
def tiny_mert() -> TinyMert:
    """Write a checkpoint in MERT's format, 12 layers of 16 values, and return its folder."""

    def make(
        folder: Path,
        *,
        old_names: bool = True,
        file: str = "pytorch_model.bin",
        seed: int = 3,
        change: Callable[[Tensors], Any] = lambda tensors: None,
        preprocessor: dict[str, Any] | None = None,
        **config: Any,
    ) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        renamed = NAMES_BEFORE_TORCH_2 if old_names else {}
        tensors = {
            renamed.get(name, name): tensor.clone() for name, tensor in tiny_tensors(seed).items()
        }
        change(tensors)
        if file.endswith(".safetensors"):
            safetensors.torch.save_file(tensors, folder / file, metadata={"format": "pt"})
        else:
            torch.save(tensors, folder / file)
        (folder / "config.json").write_text(json.dumps(MERT_95M | SMALL | config))
        (folder / "preprocessor_config.json").write_text(
            json.dumps(PREPROCESSOR | (preprocessor or {}))
        )
        return folder

    return make


@pytest.fixture(scope="session")
def folder(tiny_mert: TinyMert, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_mert(tmp_path_factory.mktemp("mert"))


@pytest.fixture(scope="session")
def mert(folder: Path) -> Mert:
    return load_mert(features(folder))


def features(source: Path | str, **changes: Any) -> MertFeatures:
    config = {
        "kind": "mert",
        "source": str(source),
        "revision": None,
        "layers": [5, 6, 7],
        "width": 16,
        "frame_rate_hz": 25,
        "clips_per_batch": 3,
    }
    return MertFeatures.model_validate(config | changes)


def noise(duration_s: float, rate_hz: int = 24_000, seed: int = 0) -> Waveform:
    rng = np.random.default_rng(seed)
    samples = 0.1 * rng.standard_normal(round(duration_s * rate_hz))
    return Waveform(samples=samples.astype(np.float32), sample_rate_hz=rate_hz)


class TestLoading:
    @pytest.mark.parametrize("old_names", [True, False])
    @pytest.mark.parametrize("file", ["pytorch_model.bin", "model.safetensors"])
    def test_every_tensor_is_the_files(
        self, tiny_mert: TinyMert, tmp_path: Path, old_names: bool, file: str
    ) -> None:
        tiny_mert(tmp_path, old_names=old_names, file=file)
        mert = load_mert(features(tmp_path, layers=[12]))
        written, loaded = hubert(SMALL).state_dict(), mert.model.state_dict()
        assert written.keys() == loaded.keys()
        assert all(torch.equal(written[name], loaded[name].cpu()) for name in written)
        assert mert.normalise
        assert not mert.model.training

    def test_no_remote_code_is_run_and_nothing_is_said_of_its_absence(
        self, tiny_mert: TinyMert, tmp_path: Path, capfd: pytest.CaptureFixture[str]
    ) -> None:
        tiny_mert(tmp_path)
        for name in ("configuration_MERT.py", "modeling_MERT.py"):
            (tmp_path / name).write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
        architecture = load_mert(features(tmp_path)).model.config
        assert architecture.model_type == "hubert"
        assert not hasattr(architecture, "auto_map")
        assert not (tmp_path / "ran").exists()
        assert "mert_model" not in capfd.readouterr().err

    def test_loading_draws_no_random_numbers(self, folder: Path) -> None:
        before = torch.get_rng_state()
        load_mert(features(folder))
        assert torch.equal(before, torch.get_rng_state())

    def test_layers_that_nothing_reads_are_dropped(self, mert: Mert) -> None:
        assert len(mert.model.encoder.layers) == 7

    def test_weights_in_half_precision_are_the_same_numbers(
        self, tiny_mert: TinyMert, tmp_path: Path
    ) -> None:
        def halve(tensors: Tensors) -> None:
            tensors |= {name: tensor.half() for name, tensor in tensors.items()}

        mert = load_mert(features(tiny_mert(tmp_path, change=halve, torch_dtype="float16")))
        assert mert.model.dtype == torch.float32
        expected = hubert(SMALL).encoder.layers[0].attention.k_proj.weight.half().float()
        assert torch.equal(mert.model.encoder.layers[0].attention.k_proj.weight.cpu(), expected)

    def test_tensors_without_a_place_are_left_alone(
        self, tiny_mert: TinyMert, tmp_path: Path
    ) -> None:
        extra = {"quantizer.weight": torch.zeros(2), "decoder.weight_g": torch.zeros(1)}
        tiny_mert(tmp_path, change=lambda tensors: tensors.update(extra))
        assert load_mert(features(tmp_path)).model.state_dict().keys().isdisjoint(extra)


class TestPartialLoads:
    @pytest.mark.parametrize(
        "name",
        [
            "feature_extractor.conv_layers.0.conv.weight",
            "feature_projection.layer_norm.bias",
            "encoder.layers.11.final_layer_norm.weight",
            "masked_spec_embed",
            MAGNITUDE,
            DIRECTION,
        ],
    )
    def test_a_lost_tensor_is_named(self, tiny_mert: TinyMert, tmp_path: Path, name: str) -> None:
        def lose(tensors: Tensors) -> None:
            del tensors[NAMES_BEFORE_TORCH_2.get(name, name)]

        tiny_mert(tmp_path, change=lose)
        with pytest.raises(UserError, match=f"lacks 1 of the model's 211 tensors: {name};"):
            load_mert(features(tmp_path))

    def test_a_renamed_positional_convolution_is_named(
        self, tiny_mert: TinyMert, tmp_path: Path
    ) -> None:
        def rename(tensors: Tensors) -> None:
            for name in NAMES_BEFORE_TORCH_2.values():
                tensors[name.replace("pos_conv_embed", "pos_conv")] = tensors.pop(name)

        tiny_mert(tmp_path, change=rename)
        with pytest.raises(UserError, match=f"lacks 2 of .*: {MAGNITUDE}, {DIRECTION};"):
            load_mert(features(tmp_path))

    def test_many_lost_tensors_are_counted(self, tiny_mert: TinyMert, tmp_path: Path) -> None:
        def lose(tensors: Tensors) -> None:
            for name in [name for name in tensors if name.startswith("encoder.layers.7.")]:
                del tensors[name]

        tiny_mert(tmp_path, change=lose)
        with pytest.raises(UserError, match=r"lacks 16 of .*layers\.7.* and 13 more;"):
            load_mert(features(tmp_path))

    def test_a_tensor_of_another_shape_is_named(self, tiny_mert: TinyMert, tmp_path: Path) -> None:
        name = "encoder.layer_norm.weight"
        tiny_mert(tmp_path, change=lambda tensors: tensors.update({name: torch.ones(7)}))
        with pytest.raises(UserError, match=f"has 1 of .* in another shape: {name};"):
            load_mert(features(tmp_path))


class TestRefusals:
    @pytest.mark.parametrize(
        ("config", "message"),
        [
            ({"feature_extractor_cqt": True}, "feature_extractor_cqt"),
            ({"deepnorm": True}, "deepnorm"),
            ({"hidden_size": 32}, "hidden_size 32.*width 16"),
            ({"num_hidden_layers": 6}, "num_hidden_layers 6.*at least 7"),
            ({"conv_stride": [5, 2]}, "does not describe a HuBERT"),
            ({"hidden_size": "wide"}, "does not describe a HuBERT"),
            ({"preprocessor": {"sampling_rate": 16_000}}, "sampling_rate.*24000.*16000"),
            ({"preprocessor": {"do_normalize": None}}, "do_normalize.*boolean"),
        ],
    )
    def test_another_model_is_refused(
        self, tiny_mert: TinyMert, tmp_path: Path, config: dict[str, Any], message: str
    ) -> None:
        tiny_mert(tmp_path, **config)
        with pytest.raises(UserError, match=message) as raised:
            load_mert(features(tmp_path))
        assert "\n" not in str(raised.value)

    @pytest.mark.parametrize("file", ["config.json", "preprocessor_config.json"])
    @pytest.mark.parametrize("content", ["", "[1]", '{"hidden_size": '])
    def test_broken_json_is_refused(
        self, tiny_mert: TinyMert, tmp_path: Path, file: str, content: str
    ) -> None:
        (tiny_mert(tmp_path) / file).write_text(content)
        with pytest.raises(UserError, match=file):
            load_mert(features(tmp_path))

    @pytest.mark.parametrize("file", ["pytorch_model.bin", "model.safetensors"])
    @pytest.mark.parametrize("kept_bytes", [0, 5, 9_000])
    def test_a_broken_weight_file_is_refused(
        self, tiny_mert: TinyMert, tmp_path: Path, file: str, kept_bytes: int
    ) -> None:
        path = tiny_mert(tmp_path, file=file) / file
        path.write_bytes(path.read_bytes()[:kept_bytes])
        with pytest.raises(UserError, match="cannot be read") as raised:
            load_mert(features(tmp_path))
        assert "\n" not in str(raised.value)

    def test_a_pickle_of_something_else_is_refused_unopened(
        self, tiny_mert: TinyMert, tmp_path: Path
    ) -> None:
        torch.save(Path(), tiny_mert(tmp_path) / "pytorch_model.bin")
        with pytest.raises(UserError, match="cannot be read"):
            load_mert(features(tmp_path))
        torch.save({"model": {}}, tmp_path / "pytorch_model.bin")
        with pytest.raises(UserError, match="must hold tensors by name"):
            load_mert(features(tmp_path))

    @pytest.mark.parametrize(
        "file", ["config.json", "preprocessor_config.json", "pytorch_model.bin"]
    )
    def test_an_incomplete_folder_is_refused(
        self, tiny_mert: TinyMert, tmp_path: Path, file: str
    ) -> None:
        (tiny_mert(tmp_path) / file).unlink()
        for use in (load_mert, mert_identity):
            with pytest.raises(UserError, match=f"has no {file}"):
                use(features(tmp_path))

    def test_a_hub_id_needs_a_commit(self) -> None:
        with pytest.raises(UserError, match="set revision to a commit"):
            load_mert(features("m-a-p/MERT-v1-95M"))
        for use in (load_mert, mert_identity):
            with pytest.raises(UserError, match="40 hexadecimal digits"):
                use(features("m-a-p/MERT-v1-95M", revision="main"))


class TestHub:
    @pytest.fixture(autouse=True)
    def _offline(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
        monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)

    @pytest.mark.parametrize("file", ["pytorch_model.bin", "model.safetensors"])
    def test_what_the_cache_holds_is_loaded(
        self, tiny_mert: TinyMert, tmp_path: Path, file: str
    ) -> None:
        tiny_mert(tmp_path / "models--m-a-p--MERT-v1-95M" / "snapshots" / COMMIT, file=file)
        config = features("m-a-p/MERT-v1-95M", revision=COMMIT)
        assert load_mert(config).normalise
        assert mert_identity(config) == f"m-a-p/MERT-v1-95M@{COMMIT}"

    @pytest.mark.parametrize("source", ["m-a-p/MERT-v1-95M", "/a/folder", "no such id"])
    def test_what_cannot_be_had_is_refused(self, source: str) -> None:
        with pytest.raises(UserError, match=r"cannot have config\.json of") as raised:
            load_mert(features(source, revision=COMMIT))
        assert "\n" not in str(raised.value)


class TestIdentity:
    def test_it_follows_from_content_alone(
        self, tiny_mert: TinyMert, folder: Path, tmp_path: Path
    ) -> None:
        copy = shutil.copytree(folder, tmp_path / "copy")
        assert mert_identity(features(copy)) == mert_identity(features(folder))
        others = {
            mert_identity(features(tiny_mert(tmp_path / "weights", seed=4))),
            mert_identity(features(tiny_mert(tmp_path / "config", layer_norm_eps=1e-6))),
            mert_identity(
                features(tiny_mert(tmp_path / "raw", preprocessor={"do_normalize": False}))
            ),
            mert_identity(features(folder)),
        }
        assert len(others) == 4

    def test_a_new_checkpoint_in_the_same_folder_is_seen_by_name_and_by_warmth(
        self, tiny_mert: TinyMert, tmp_path: Path
    ) -> None:
        config = features(tiny_mert(tmp_path))
        name, warm = mert_identity(config), warm_mert(config)
        assert warm_mert(features(tmp_path)) is warm
        tiny_mert(tmp_path, seed=4)
        os.utime(tmp_path / "pytorch_model.bin", ns=(0, 1))
        assert mert_identity(config) != name
        assert warm_mert(config) is not warm

    def test_an_unchanged_file_is_read_once(
        self, tiny_mert: TinyMert, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        config = features(tiny_mert(tmp_path))
        name = mert_identity(config)
        monkeypatch.setattr("hashlib.file_digest", None)
        assert mert_identity(config) == name


class TestFrames:
    @pytest.mark.parametrize(("duration_s", "states"), [(1, 74), (5, 374), (10, 749), (30, 2249)])
    def test_states_at_mert_s_own_rate(
        self, mert: Mert, folder: Path, duration_s: int, states: int
    ) -> None:
        clip = noise(duration_s)
        with torch.inference_mode():
            hidden = mert.model(torch.from_numpy(clip.samples.copy())[None]).last_hidden_state
        assert hidden.shape == (1, states, 16)
        (frames,) = mert_frames([clip], mert, features(folder, frame_rate_hz=75))
        assert frames.shape == (75 * duration_s, 16)
        assert frames.dtype == np.float16
        assert (frames[states:] == frames[states - 1]).all()
        assert (frames[1:states] != frames[: states - 1]).any(axis=1).all()

    @pytest.mark.parametrize("layers", [[1], [5, 6, 7], [12, 2]])
    def test_frames_are_means_of_the_states_of_the_layers(
        self, folder: Path, layers: list[int]
    ) -> None:
        config = features(folder, layers=layers)
        (frames,) = mert_frames([noise(2)], load_mert(config), config)
        model, outputs = hubert(SMALL), []
        for layer in model.encoder.layers:
            layer.register_forward_hook(lambda _, __, output: outputs.append(output[0].numpy()))
        processed = Wav2Vec2FeatureExtractor(**PREPROCESSOR)(
            noise(2).samples, sampling_rate=24_000, return_tensors="pt"
        )
        with torch.inference_mode():
            model(processed.input_values)
        states = np.mean([outputs[layer - 1] for layer in layers], axis=0)
        centres_s = (320 * np.arange(len(states)) + 200) / 24_000
        expected = [states[np.floor(centres_s * 25) == frame].mean(axis=0) for frame in range(50)]
        np.testing.assert_allclose(frames, expected, atol=2e-3)

    def test_a_clip_does_not_depend_on_its_neighbours(self, mert: Mert, folder: Path) -> None:
        clips = [
            noise(duration_s, rate_hz, seed)
            for seed, (duration_s, rate_hz) in enumerate(
                [(1, 24_000), (0.99, 24_000), (1, 44_100), (1, 24_000), (1.3, 16_000)]
                + 4 * [(1, 24_000)]
            )
        ]
        together = mert_frames(clips, mert, features(folder, clips_per_batch=4))
        alone = [mert_frames([clip], mert, features(folder))[0] for clip in clips]
        for one, other in zip(together, alone, strict=True):
            np.testing.assert_allclose(one, other, atol=2e-3)
        assert not np.allclose(together[0], together[3], atol=0.01)
        assert mert_frames([], mert, features(folder)) == []

    @pytest.mark.parametrize("rate_hz", [16_000, 24_000, 44_100])
    @pytest.mark.parametrize(("duration_s", "frames"), [(1, 25), (0.51, 13), (0.05, 2)])
    def test_one_frame_for_each_begun_interval(
        self, mert: Mert, folder: Path, rate_hz: int, duration_s: float, frames: int
    ) -> None:
        (states,) = mert_frames([noise(duration_s, rate_hz)], mert, features(folder))
        assert states.shape == (frames, 16)

    def test_the_rate_of_a_recording_hardly_matters(self, mert: Mert, folder: Path) -> None:
        def tone(rate_hz: int) -> Waveform:
            time_s = np.arange(rate_hz) / rate_hz
            samples = np.sin(2 * np.pi * 440 * time_s) * np.exp(-3 * time_s)
            return Waveform(samples=samples.astype(np.float32), sample_rate_hz=rate_hz)

        one, other = mert_frames([tone(24_000), tone(48_000)], mert, features(folder))
        np.testing.assert_allclose(one[1:-1], other[1:-1], atol=0.05)

    def test_level_matters_only_where_mert_was_taught_so(
        self, tiny_mert: TinyMert, tmp_path: Path, folder: Path, mert: Mert
    ) -> None:
        loud = noise(1)
        soft = Waveform(samples=np.float32(1e-2) * loud.samples, sample_rate_hz=24_000)
        one, other = mert_frames([loud, soft], mert, features(folder))
        np.testing.assert_allclose(one, other, atol=0.02)
        raw = features(tiny_mert(tmp_path, preprocessor={"do_normalize": False}))
        one, other = mert_frames([loud, soft], load_mert(raw), raw)
        assert np.abs(one - other).max() > 0.1

    def test_silence_is_finite(self, mert: Mert, folder: Path) -> None:
        silence = Waveform(samples=np.zeros(24_000, np.float32), sample_rate_hz=24_000)
        assert np.isfinite(mert_frames([silence], mert, features(folder))[0]).all()

    def test_what_is_shorter_than_a_state_is_refused(self, mert: Mert, folder: Path) -> None:
        enough = noise(400 / 24_000)
        assert mert_frames([enough], mert, features(folder))[0].shape == (1, 16)
        for samples, rate_hz in ((399, 24_000), (0, 24_000), (0, 44_100), (200, 16_000)):
            with pytest.raises(UserError, match=r"clip 1 has \d+ samples .*at least 400"):
                mert_frames([enough, noise(samples / rate_hz, rate_hz)], mert, features(folder))

    def test_states_beyond_half_precision_are_refused(
        self, tiny_mert: TinyMert, tmp_path: Path
    ) -> None:
        def inflate(tensors: Tensors) -> None:
            tensors["encoder.layers.5.final_layer_norm.bias"] += 1e6

        config = features(tiny_mert(tmp_path, change=inflate))
        with pytest.raises(UserError, match="clip 0 are not finite"):
            mert_frames([noise(1)], load_mert(config), config)


class TestPooling:
    @pytest.mark.parametrize("frame_rate_hz", [1, 7, 20, 25, 50, 64, 75])
    @pytest.mark.parametrize("samples", [400, 24_000, 31_999, 240_000])
    def test_a_frame_averages_what_is_centred_in_it(self, frame_rate_hz: int, samples: int) -> None:
        states = (samples - 400) // 320 + 1
        frames = -(-samples * frame_rate_hz // 24_000)
        matrix = pooling_matrix(states, frames, frame_rate_hz, 400, 320).numpy()
        centres_s = (320 * np.arange(states) + 200) / 24_000
        np.testing.assert_allclose(matrix.sum(axis=1), 1, rtol=1e-6)
        pooled_s = matrix @ centres_s
        inside = pooled_s * frame_rate_hz - np.arange(frames)
        heard = matrix.any(axis=0)
        assert heard.all()
        last = int(np.floor(centres_s[-1] * frame_rate_hz))
        assert ((inside >= -1e-6) & (inside < 1 + 1e-6))[: last + 1].all()
        assert (matrix[last + 1 :, -1] == 1).all()

    def test_at_mert_s_own_rate_states_are_left_alone(self) -> None:
        matrix = pooling_matrix(74, 75, 75, 400, 320)
        assert torch.equal(matrix[:74], torch.eye(74))
        assert torch.equal(matrix[74], matrix[73])

    def test_a_frame_between_two_centres_repeats_the_nearer(self) -> None:
        matrix = pooling_matrix(2, 4, 100, 400, 600)
        assert matrix.argmax(1).tolist() == [0, 0, 1, 1]


@pytest.mark.slow
def test_at_full_size() -> None:
    """MERT-v1-95M at random initialisation: HuBERT base's 94,371,712 parameters."""
    with torch.random.fork_rng(devices=[]):
        model = HubertModel(HubertConfig(**MERT_95M)).eval()
    assert sum(parameter.numel() for parameter in model.parameters()) == 94_371_712
    mert = Mert(model=model, normalise=True)
    config = features("", width=768, frame_rate_hz=75)
    assert sum(weight.nbytes for weight in model.state_dict().values()) / 1e6 == pytest.approx(
        377.5, abs=0.1
    )
    with torch.inference_mode():
        hidden = model(torch.zeros(1, 24_000), output_hidden_states=True).hidden_states
    assert [state.shape for state in hidden] == 13 * [(1, 74, 768)]
    (frames,) = mert_frames([noise(0.5)], mert, config)
    assert frames.shape == (38, 768)
