"""Datasets: each is one row of the registry, and is decoded once into arrays. Nothing here imports torch.

`get` returns a row, `locate` finds its files, `prepare` decodes them, `at_size` resizes them, `describe` sums them up.
"""

from marginmix.datasets.cache import Prepared, prepare
from marginmix.datasets.copies import near
from marginmix.datasets.describe import describe, shared_images
from marginmix.datasets.locate import available, how_to_get, locate
from marginmix.datasets.options import OPTIONS, option_of, option_words, refuse_old_name
from marginmix.datasets.presence import DOWNLOAD, report_key
from marginmix.datasets.registry import ROWS, get
from marginmix.datasets.resize import at_size
from marginmix.datasets.row import Dataset

__all__ = [
    "DOWNLOAD",
    "OPTIONS",
    "ROWS",
    "Dataset",
    "Prepared",
    "at_size",
    "available",
    "describe",
    "get",
    "how_to_get",
    "locate",
    "near",
    "option_of",
    "option_words",
    "prepare",
    "refuse_old_name",
    "report_key",
    "shared_images",
]
