import joblib
import pytest
import torch

from models.device import torch_threads


def test_threads_are_no_more_than_the_cores_that_may_be_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = torch.get_num_threads()
    with torch_threads(10_000):
        assert torch.get_num_threads() == joblib.cpu_count()
    monkeypatch.setattr("models.device.cpu_count", lambda: 1)
    with torch_threads(4):
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == before
