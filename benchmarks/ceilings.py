"""What the device can do at best: a large matrix product, its best convolution, a large copy."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F

from benchmarks.timing import seconds

DTYPES = {"bf16": torch.bfloat16, "fp32": torch.float32}
# channels and side of feature maps, from those of the networks to far larger ones
CONVOLUTIONS = ((32, 32), (64, 16), (128, 8), (256, 16), (512, 16))


@dataclass(frozen=True)
class Ceilings:
    """Floating-point operations a second of a matrix product and of the best 3×3 convolution with its gradients; bytes
    read and written a second by a copy."""

    product: float
    convolution: float
    copy: float

    @property
    def arithmetic(self) -> float:
        return max(self.product, self.convolution)


def measure(device: torch.device, precision: str) -> Ceilings:
    """Best of three measurements each."""
    dtype, large = DTYPES[precision], device.type == "cuda"
    side = 8192 if large else 2048
    a, b = torch.randn(2, side, side, device=device).to(dtype)
    product = 2 * side**3 / best(lambda: a @ b, device)
    source = torch.ones((1024 if large else 128) * 2**20, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    copy = 2 * source.numel() / best(lambda: target.copy_(source), device)
    batch = 1024 if large else 64
    return Ceilings(product, max(convolution(batch, *shape, dtype, device) for shape in CONVOLUTIONS), copy)


def convolution(batch: int, channels: int, side: int, dtype: torch.dtype, device: torch.device) -> float:
    """Operations a second of a 3×3 convolution, forward and both gradients, channels last."""
    x = torch.randn(batch, channels, side, side, device=device)
    weight = torch.randn(channels, channels, 3, 3, device=device)
    x, weight = (tensor.to(dtype=dtype, memory_format=torch.channels_last).requires_grad_() for tensor in (x, weight))

    def there_and_back() -> None:
        y = F.conv2d(x, weight, padding=1)
        torch.autograd.grad(y, (x, weight), y.detach())

    return 3 * 2 * 9 * batch * (channels * side) ** 2 / best(there_and_back, device)


def best(function, device: torch.device, times: int = 5) -> float:
    seconds(function, 2, device)
    return min(seconds(function, times, device) for _ in range(3))
