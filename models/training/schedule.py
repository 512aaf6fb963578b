"""The learning rate as a function of the step alone, so that a resumed training repeats it."""

import math


def learning_rate_factor(step: int, total_steps: int, warmup_share: float) -> float:
    """Return the share of the peak rate at a step: linear warm-up, then half a cosine to 0."""
    warmup = warmup_share * total_steps
    if step < warmup:
        return (step + 1) / (warmup + 1)
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - warmup) / (total_steps - warmup))))
