"""The command line with which jobs call `marginmix`, in a shell."""

import os
import subprocess
import sys

import pytest

from marginmix.runs import calls


@pytest.mark.parametrize(("prefix", "own"), [
    (None, True), ("", True), ("/opt/conda", True), ("/home/me/.snakemake/conda", True),
    ("/a folder/.snakemake/conda/0123abc_", False),
])  # fmt: skip
def test_a_job_calls_this_python_but_in_an_environment_that_snakemake_made(tmp_path, monkeypatch, prefix, own):
    other = tmp_path / "python"
    other.write_text("#!/bin/sh\necho another python: $@\n")
    other.chmod(0o755)
    monkeypatch.delenv("MARGINMIX_COMMAND", raising=False)
    environment = {name: value for name, value in os.environ.items() if name != "CONDA_PREFIX"}
    environment |= {"PATH": f"{tmp_path}:{environment['PATH']}"} | ({} if prefix is None else {"CONDA_PREFIX": prefix})
    call = ["bash", "-euo", "pipefail", "-c", f"{calls.command()} --version"]
    said = subprocess.run(call, env=environment, capture_output=True, text=True, check=True).stdout
    assert said.startswith("marginmix ") if own else said == "another python: -m marginmix --version\n"


def test_a_python_whose_path_has_spaces_and_quotes(tmp_path, monkeypatch):
    place = tmp_path / "it's a folder"
    place.mkdir()
    (place / "python").symlink_to(sys.executable)
    monkeypatch.delenv("MARGINMIX_COMMAND", raising=False)
    monkeypatch.setattr(sys, "executable", str(place / "python"))
    done = subprocess.run(["bash", "-c", calls.command().replace("-m marginmix", "-c 'print(6 * 7)'")], text=True,
                          capture_output=True)  # fmt: skip
    assert done.stdout == "42\n", done.stderr
