"""Specs of runs on a tiny folder of images: what `marginmix train` reads."""

from pathlib import Path

from marginmix import datasets
from marginmix.cli import main
from marginmix.files import write_json
from marginmix.runs.spec import OBSERVATION, Bits, Machine, Spec
from tests.tiny_data import write_folder
from tests.toy_training import METHODS

SETTINGS = {"steps": 6, "batch_size": 6, "network": "wrn-10-1", "precision": "fp32"}
OBSERVED = {"evaluations": 3, "score_window": 2, "snapshots": [], "diagnosed": 0, "samples": 0,
            "shares_examined": False}  # fmt: skip


class Place:
    """A folder with images in data/; specs are written to it, trained into out/."""

    def __init__(self, folder: Path):
        self.folder, self.out = folder, folder / "out"
        write_folder(folder / "data")

    @property
    def machine(self) -> Machine:
        return Machine("cpu", root=str(self.folder / "data"), cache=str(self.folder / "cache"))

    def spec(self, method: str = METHODS["marginmix"], labels: int = 6, **settings: object) -> Spec:
        """The run of the experiment `tiny`; `settings` go where they belong."""
        here = self.machine
        data = datasets.prepare("mine", here.root, here.data_root, here.cache, family="folder").data_hash
        observed = {**OBSERVED, **{name: value for name, value in settings.items() if name in OBSERVATION}}
        rest = {name: value for name, value in settings.items() if name not in OBSERVATION}
        bits = Bits("mine", {"family": "folder"}, None, data, labels, 0, method, {**SETTINGS, **rest})
        return Spec("tiny", "m", bits, observed, here)

    def write(self, spec: Spec | None = None, name: str = "spec.json", **settings: object) -> str:
        write_json(self.folder / name, (spec or self.spec(**settings)).to_json())
        return str(self.folder / name)

    def train(self, *more: str, out: str = "out", **settings: object) -> int:
        """`marginmix train` of a spec with these settings; its exit code."""
        return main(["train", self.write(**settings), "--out", str(self.folder / out), *more])

    def read(self, name: str, out: str = "out") -> bytes:
        return (self.folder / out / name).read_bytes()
