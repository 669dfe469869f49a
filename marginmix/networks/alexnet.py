"""A smaller AlexNet whose last hidden layer has 2 units instead of 4,096: the network of the embedding figures."""

import torch.nn.functional as F
from torch import Tensor, nn

from marginmix.networks.batchnorm import BatchNorm2d
from marginmix.networks.precision import full_precision


class AlexNet2d(nn.Module):
    """Images [N, channels, side, side], side at least 8, to (logits [N, classes], embedding [N, 2]).

    AlexNet's five convolutions, three poolings and three linear layers (Krizhevsky et al. 2012), narrower, with
    batch-norm instead of local response normalisation and dropout. The 2 units have no ReLU, which would fold the plane
    into one quadrant.
    """

    def __init__(self, classes: int, channels: int, side: int, **norm: float):
        super().__init__()

        def convolution(inputs: int, outputs: int, size: int) -> list[nn.Module]:
            layers = [nn.Conv2d(inputs, outputs, size, padding=size // 2, bias=False), BatchNorm2d(outputs, **norm)]
            return [*layers, nn.ReLU(inplace=True)]

        self.features = nn.Sequential(
            *convolution(channels, 32, 5),
            nn.MaxPool2d(2),
            *convolution(32, 64, 5),
            nn.MaxPool2d(2),
            *convolution(64, 96, 3),
            *convolution(96, 96, 3),
            *convolution(96, 64, 3),
            nn.MaxPool2d(2),
        )
        self.hidden = nn.Linear(64 * (side // 8) ** 2, 256)
        self.plane = nn.Linear(256, 2)
        self.head = nn.Linear(2, classes)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        hidden = F.relu(self.hidden(self.features(images).flatten(1)))
        with full_precision(images):
            embedding = self.plane(hidden.to(self.head.weight.dtype))
            return self.head(embedding), embedding
