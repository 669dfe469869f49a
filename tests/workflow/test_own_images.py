"""docs/own_images.md from its first block to its last, in fewer steps."""

import os
import shlex
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from copies import Copy
from PIL import Image

from tests.docs_blocks import blocks

SHORT = "'recipe={steps: 3, evaluations: 2, score_window: 1}' 'datasets={mine: {image_size: 16}}' 'seeds=[0]'"


@pytest.mark.slow  # its quick twins are in tests/test_docs.py: the file is checked, the commands are parsed
def test_the_page_from_images_to_classes(tmp_path):
    page = {block.language: block.text for block in blocks("yaml", "sh") if block.page == "docs/own_images.md"}
    copy = Copy.make(tmp_path)
    copy.needs_torch = True
    copy.add_experiment("mine", page["yaml"])
    draw = np.random.default_rng(0)
    for folder, count in (("data/mine/train/a", 60), ("data/mine/train/b", 60), ("data/mine/test/a", 4),
                          ("data/mine/test/b", 4), ("photos", 3)):  # fmt: skip
        (tmp_path / folder).mkdir(parents=True)
        for n in range(count):
            Image.fromarray(draw.integers(0, 256, (20, 24, 3), np.uint8)).save(tmp_path / folder / f"{n}.png")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for line in page["sh"].splitlines():
        command = shlex.join(shlex.split(line, comments=True)).replace("'", "")  # `*` is for the shell
        more = f" {SHORT}" if command.endswith(("experiment=mine", "experiment=mine -n")) else ""
        command = command.replace(" -n", f"{more} -n") if command.endswith(" -n") else command + more
        done = copy.run("bash", "-c", command, PATH=path, PYTHONPATH=str(Path(__file__).parents[2]))
        assert done.returncode == 0, done.stdout
    table = (tmp_path / "results" / "mine" / "tables.md").read_text()
    assert all(name in table for name in ("MixMatch", "MarginMix"))
    found = pd.read_csv(tmp_path / "classes.csv")
    assert len(found) == 3 and set(found["class"]) <= {"a", "b"}
