"""`marginmix train spec.json` end to end on a tiny folder of images, and its answers to bad input: one line, exit 1."""

import hashlib
import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import torch

import marginmix
from marginmix.cli import main
from marginmix.datasets.splits import read_split
from marginmix.files import hash_of
from marginmix.runs import paths
from marginmix.runs.record import check_record
from tests.toy_training import METHODS
from tests.training.specs import Place

TEST_ARRAYS = [f"test/{name}" for name in ("steps", "predicted", "targets", "copies")]


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


def test_training_writes_what_the_tables_read(place):
    assert place.train() == 0
    spec, result = place.spec(), json.loads(place.read("result.json"))
    assert sorted(path.name for path in place.out.iterdir()) == sorted([".lock", *paths.OUTPUTS])
    assert (result["spec"], result["identity"]) == (json.loads(json.dumps(spec.to_json())), spec.identity)
    assert result["scores"]["best"] - result["scores"]["mean"] == pytest.approx(result["optimism"])
    assert result["evaluated"] == 3 and result["exact"] and len(result["provenance"]) == 1
    metrics = pd.read_csv(place.out / "metrics.csv")
    assert metrics.step.tolist() == [2, 4, 6]
    assert metrics.accuracy.tail(2).mean() == pytest.approx(result["accuracy"], abs=1e-3)
    confusion = torch.tensor(result["confusion"])
    assert 100 * confusion.trace() / confusion.sum() == pytest.approx(metrics.accuracy.iloc[-1], abs=1e-3)
    assert torch.load(place.out / "model.pt", weights_only=True)["classes"] == result["classes"]
    assert np.load(place.out / "observations.npz").files == TEST_ARRAYS
    assert not (place.out / "checkpoints").exists(), "the checkpoints of a finished run go"


def test_the_record_is_sealed_and_passes_the_checks_of_its_reader(place):
    assert place.train() == 0
    result = json.loads(place.read("result.json"))
    curve = pd.read_csv(place.out / "metrics.csv").to_dict("records")
    assert check_record(result, curve).identity == place.spec().identity
    assert result["digest"] == hash_of({name: value for name, value in result.items() if name != "digest"})
    for name in ("metrics.csv", "observations.npz", "split.json", "model.pt"):
        assert result["files"][name] == hashlib.sha256(place.read(name)).hexdigest()
    assert result["files"].keys() == set(paths.OUTPUTS) - {"result.json"}


def test_the_split_that_is_kept_is_that_of_the_cell(place):
    assert place.train() == 0
    here = place.machine
    call = ["split", "--dataset", "mine", "--family", "folder", "--root", here.root, "--cache", here.cache]
    assert main([*call, "--labels", "6", "--seed", "0", "--out", str(place.folder / "split.json")]) == 0
    assert place.read("split.json") == (place.folder / "split.json").read_bytes()
    split, result = read_split(place.out / "split.json"), json.loads(place.read("result.json"))
    assert (split.labels, split.seed, split.hash, split.overlap) == (6, 0, result["split"], result["overlap"])
    assert split.data_hash == place.spec().bits.data


def test_a_second_result_holds_nothing_of_another_observation(place):
    assert place.train(snapshots=[0.5, 1.0], samples=2) == 0
    names = np.load(place.out / "observations.npz").files
    assert {"sheet/labelled", "sheet/mixture_labels", "sheet/classes"} <= set(names)
    rows = json.loads(place.read("result.json"))["separability"]
    assert {(row["step"], row["part"], row["space"]) for row in rows} == {
        (step, part, "normalised") for step in (3, 6) for part in ("train", "test")
    }
    assert place.train("--anew") == 0
    assert np.load(place.out / "observations.npz").files == TEST_ARRAYS
    assert json.loads(place.read("result.json"))["separability"] == []


def test_predictions_of_the_score_window_are_kept(place):
    """They give the curve and the confusion matrix. One test dog is a training dog again."""
    dogs = place.folder / "data"
    (dogs / "test/dog/0003.png").write_bytes((dogs / "train/dog/0007.png").read_bytes())
    assert place.train(score_window=2) == 0
    with np.load(place.out / "observations.npz", allow_pickle=False) as found:
        kept = {name.removeprefix("test/"): found[name] for name in found.files}
    assert kept["steps"].tolist() == [4, 6] and kept["predicted"].shape == (2, 10)
    assert kept["predicted"].dtype == kept["targets"].dtype == np.uint8
    assert kept["targets"].tolist() == [0] * 5 + [1] * 5 and kept["copies"].tolist() == [0] * 8 + [2, 0]
    curve = pd.read_csv(place.out / "metrics.csv").set_index("step").accuracy
    right = kept["predicted"] == kept["targets"]
    assert (100 * right.mean(1)).tolist() == pytest.approx(curve[[4, 6]].tolist(), abs=1e-3)
    confusion = pd.crosstab(kept["targets"], kept["predicted"][-1]).reindex(index=[0, 1], columns=[0, 1], fill_value=0)
    assert confusion.to_numpy().tolist() == json.loads(place.read("result.json"))["confusion"]


def test_planes_are_kept_of_embeddings_of_two_units(place):
    settings = {"network": "alexnet-2d", "snapshots": [0.5, 1.0]}
    assert place.train(method=METHODS["embedding"], **settings) == 0
    with np.load(place.out / "observations.npz", allow_pickle=False) as found:
        assert found["plane/points"].shape == (2, 40, 2) and found["plane/steps"].tolist() == [3, 6]
        assert found["plane/fractions"].tolist() == [0.5, 1.0] and found["plane/classes"].tolist() == ["cat", "dog"]


def test_predict_classifies_a_folder_as_evaluation_does(place):
    assert place.train(method=METHODS["supervised"], precision="fp64") == 0
    options = ["--model", str(place.out / "model.pt"), "--images", str(place.folder / "data/test"), "--out"]
    assert main(["predict", *options, str(place.folder / "said.csv")]) == 0
    said = pd.read_csv(place.folder / "said.csv")
    truth = said.image.str.split("/").str[0]
    confusion = pd.crosstab(truth, said["class"]).reindex(index=["cat", "dog"], columns=["cat", "dog"], fill_value=0)
    assert confusion.to_numpy().tolist() == json.loads(place.read("result.json"))["confusion"]
    assert said.confidence.between(50, 100).all()


def test_predict_without_a_model_or_images(place, capsys):
    (place.folder / "broken.pt").write_bytes(b"no")
    options = ["--images", str(place.folder / "data/test"), "--out", str(place.folder / "said.csv")]
    for model in ("broken.pt", "absent.pt"):
        capsys.readouterr()
        assert main(["predict", "--model", str(place.folder / model), *options]) == 1
        error = capsys.readouterr().err
        assert error.count("\n") == 1 and f"{model}: expected the model.pt of a finished run" in error


def test_prepare_describes_the_data(place):
    here = place.machine
    call = ["prepare", "--dataset", "mine", "--family", "folder", "--root", here.root, "--cache", here.cache]
    assert main([*call, "--out", str(place.folder / "data.json")]) == 0
    assert json.loads((place.folder / "data.json").read_text())["name"] == "mine"


def test_recipe_lists_every_setting_with_its_source(capsys):
    assert main(["recipe", METHODS["marginmix"]]) == 0
    printed = capsys.readouterr().out
    assert "lambda_u = 75.0" in printed and "MixMatch: CIFAR-10 75" in printed


@pytest.mark.parametrize(("settings", "line"), [
    ({"lamda_u": 3}, "spec.json: unknown setting 'lamda_u'; did you mean 'lambda_u'?"),
    ({"lambda_u": "much"}, "spec.json: lambda_u must be of type float, found 'much'"),
    ({"network": 4}, "spec.json: network must be of type str, found 4"),
    ({"input_scaling": "units"}, "spec.json: input_scaling must be one of channel, unit, found 'units'"),
    ({"fuzzifier": 1}, "spec.json: fuzzifier must lie in (1, inf), found 1.0"),
    ({"batch_size": 0}, "spec.json: batch_size must lie in [2, inf), found 0"),
    ({"ema_decay": 2}, "spec.json: ema_decay must lie in [0, 1), found 2.0"),
    ({"snapshots": ["a"]}, "spec.json: snapshots must be of type list of numbers, found ('a',)"),
    ({"snapshots": [2.0]}, "spec.json: snapshots must lie in (0, 1], found (2.0,)"),
    ({"evaluations": 7}, "recipe: expected score_window <= evaluations <= steps, found score_window 2, "
                         "evaluations 7, steps 6"),
])  # fmt: skip
def test_wrong_settings(place, capsys, settings, line):
    capsys.readouterr()
    assert place.train(**settings) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ") and error.endswith(f"{line}\n") and error.count("\n") == 1
    assert not place.out.exists()


def test_wrong_method(place, capsys):
    assert place.train(method="baselines.mixmatch:MixMach") == 1
    assert "baselines.mixmatch has no method 'MixMach'; did you mean 'MixMatch'?" in capsys.readouterr().err
    assert place.train(method="baselines.mixmach:MixMatch") == 1
    assert "cannot import baselines.mixmach" in capsys.readouterr().err
    assert place.train(method="baselines.mixmatch") == 1
    assert "method_class: expected package.module:Class, found 'baselines.mixmatch'" in capsys.readouterr().err


def test_cuda_is_not_replaced_by_the_cpu(place, capsys):
    if torch.cuda.is_available():
        pytest.skip("a GPU is here: nothing to refuse")
    assert place.train("--device", "cuda") == 1
    assert "device: cuda was asked for, but PyTorch finds no GPU here" in capsys.readouterr().err


def test_all_images_labelled(place, capsys):
    """Nothing is left to label oneself: refused, but supervised training goes on."""
    # 40 training images, of which a tenth is for validation
    assert place.train(labels=36) == 1
    assert "expected unlabelled images, found none" in capsys.readouterr().err
    assert place.train(labels=36, method=METHODS["supervised"]) == 0


def test_a_diverged_run_counts_at_chance(place):
    assert place.train(method=METHODS["supervised"], learning_rate=1.0e30) == 0
    result = json.loads(place.read("result.json"))
    assert result["diverged"] and result["accuracy"] == result["scores"]["mean"] == 50


def test_debug_shows_the_traceback(place, monkeypatch):
    monkeypatch.setenv("MARGINMIX_DEBUG", "1")
    with pytest.raises(Exception, match="unknown setting"):
        place.train(lamda_u=3)


def test_the_program_says_its_version_and_its_commands(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0 and capsys.readouterr().out == f"marginmix {marginmix.__version__}\n"
    done = subprocess.run([sys.executable, "-m", "marginmix", "--help"], capture_output=True, text=True)
    assert done.returncode == 0 and done.stderr == ""
    commands = ("prepare", "split", "spec", "train", "predict", "toy", "publish", "recipe")
    assert all(f"\n    {command} " in done.stdout for command in commands)


def test_every_command_says_how_it_is_called(capsys):
    for command in ("prepare", "split", "spec", "train", "predict", "toy", "publish", "recipe"):
        with pytest.raises(SystemExit) as ended:
            main([command, "--help"])
        assert ended.value.code == 0 and f"usage: marginmix {command}" in capsys.readouterr().out
