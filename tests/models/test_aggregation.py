import torch

from models.aggregation import AttentionPooling
from models.batch import length_mask


def test_a_constant_sequence_pools_to_itself() -> None:
    torch.manual_seed(0)
    constant = torch.randn(1, 1, 8).expand(1, 12, 8)
    pooled = AttentionPooling(8, 2)(constant, length_mask(torch.tensor([12]), 12))
    torch.testing.assert_close(pooled, constant[:, 0])


def test_pooling_does_not_depend_on_order() -> None:
    torch.manual_seed(0)
    pooling, sequence, mask = AttentionPooling(8, 2), torch.randn(3, 12, 8), torch.ones(3, 12) > 0
    order = torch.randperm(12)
    torch.testing.assert_close(pooling(sequence, mask), pooling(sequence[:, order], mask))


def test_each_head_weighs_its_own_channels() -> None:
    pooling = AttentionPooling(4, 2)
    torch.nn.init.eye_(pooling.hidden.weight)
    torch.nn.init.zeros_(pooling.hidden.bias)
    with torch.no_grad():
        pooling.score.weight.copy_(torch.tensor([[100.0, 0, 0, 0], [-100.0, 0, 0, 0]]))
    sequence = torch.tensor([[[1.0, 2, 3, 4], [-1.0, 6, 7, 8]]])
    pooled = pooling(sequence, torch.ones(1, 2) > 0)
    torch.testing.assert_close(pooled, torch.tensor([[1.0, 2, 7, 8]]))
