"""The yardstick's input: worker processes that augment image by image, as published loops do."""

from collections.abc import Iterator

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from marginmix.training.data import TrainingData


class Images(Dataset):
    """Normalised images; an item is `views` random crops and flips of one, and its class."""

    def __init__(self, data: TrainingData, indices: Tensor, views: int):
        factor, bias = data.scaling.factor.cpu().float(), data.scaling.bias.cpu().float()
        self.images = (data.images[indices].cpu() * factor + bias).numpy()
        self.targets = data.targets[indices].cpu().numpy()
        self.views, self.pad, self.side = views, data.shift, data.side

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[list[Tensor], int]:
        return [self._augmented(self.images[index]) for _ in range(self.views)], self.targets[index]

    def _augmented(self, image: np.ndarray) -> Tensor:
        image = np.pad(image, ((self.pad, self.pad), (self.pad, self.pad), (0, 0)), mode="reflect")
        top, left = np.random.randint(0, 2 * self.pad, 2)
        image = image[top : top + self.side, left : left + self.side]
        if np.random.rand() < 0.5:
            image = image[:, ::-1]
        return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))


class PlainInput:
    """Batches for `PlainMixMatch.step`, without end. `workers` processes for the labelled and as many for the rest."""

    def __init__(self, data: TrainingData, batch_size: int, alpha: float, workers: int):
        self.classes, self.alpha, self.device = len(data.classes), alpha, data.images.device
        self.labelled, self.unlabelled = (
            self._forever(DataLoader(
                Images(data, indices, views), batch_size, shuffle=True, drop_last=True, num_workers=workers,
                persistent_workers=workers > 0,
            ))
            for indices, views in ((data.labelled, 1), (data.unlabelled, 2))
        )  # fmt: skip

    @staticmethod
    def _forever(loader: DataLoader) -> Iterator:
        while True:
            yield from loader

    def batch(self) -> tuple[Tensor, Tensor, Tensor, Tensor, float, Tensor]:
        """x, u1, u2, labels, λ', partners."""
        ((x,), targets), ((u1, u2), _) = next(self.labelled), next(self.unlabelled)
        lam = np.random.beta(self.alpha, self.alpha)
        labels = F.one_hot(targets, self.classes).to(self.device, x.dtype)
        partners = torch.randperm(3 * len(x), device=self.device)
        return x.to(self.device), u1.to(self.device), u2.to(self.device), labels, max(lam, 1 - lam), partners
