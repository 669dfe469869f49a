"""The training of seconds that the GPU check uses too, and the distance of two states."""

import torch

from benchmarks.gpu_check.toy import METHODS, SMALL, on_device, small_recipe, toy_data, toy_trainer

__all__ = ["METHODS", "SMALL", "apart", "on_device", "small_recipe", "toy_data", "toy_trainer"]


def apart(state: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]) -> float:
    """The largest relative distance of two states' tensors, in their norms: where a gradient is all but 0, Adam divides
    rounding by rounding, so that single weights may be further apart."""
    floating = [name for name, tensor in state.items() if tensor.is_floating_point()]
    distances = (float((state[n] - expected[n]).norm() / expected[n].norm().clamp_min(1e-30)) for n in floating)
    return max(distances, default=0.0)
