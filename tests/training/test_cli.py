"""The command line end to end on a tiny folder of images, and its answers to bad input: one line, exit 1."""

import json
import threading

import pandas as pd
import pytest
import torch

from marginmix.cli import main
from marginmix.training.locks import only_one
from tests.tiny_data import write_folder

SETTINGS = ["steps=6", "evaluations=3", "score_window=2", "batch_size=6", "network=wrn-10-1", "precision=fp32"]


@pytest.fixture
def place(tmp_path):
    """A folder with the user's images under data/ and a split manifest."""
    write_folder(tmp_path / "data")
    assert (
        main(["split", *data_options(tmp_path), "--labels", "6", "--seed", "0", "--out", f"{tmp_path}/split.json"]) == 0
    )
    return tmp_path


def data_options(place, **changes):
    options = {"dataset": "mine", "family": "folder", "root": place / "data", "cache": place / "cache", **changes}
    return [part for name, value in options.items() for part in (f"--{name}", str(value))]


def train(place, *more, method="marginmix.method:MarginMix", settings=(), device="cpu", split="split.json"):
    return main([
        "train", *data_options(place), "--budget", "tiny", "--name", "m", "--method", method, "--device", device,
        "--split", str(place / split), "--checkpoints", str(place / "checkpoints"), "--out", str(place / "out"),
        *more, "--set", *SETTINGS, *settings,
    ])  # fmt: skip


def test_training_writes_what_the_tables_read(place):
    assert train(place) == 0
    result = json.loads((place / "out/result.json").read_text())
    assert (result["dataset"], result["labels"], result["method"], result["seed"]) == ("mine", 6, "m", 0)
    assert result["steps"] == 6 and result["paper_steps"] == 1_048_576
    assert result["scores"]["best"] - result["scores"]["mean"] == pytest.approx(result["optimism"])
    assert result["score_rule"] == "mean of the last 2 of 3 evaluations"
    assert {"run", "recipe", "split", "data", "numerics"} == result["identity"].keys()
    metrics = pd.read_csv(place / "out/metrics.csv")
    assert metrics.step.tolist() == [2, 4, 6]
    assert metrics.accuracy.tail(2).mean() == pytest.approx(result["accuracy"], abs=1e-3)
    confusion = torch.tensor(result["confusion"])
    assert 100 * confusion.trace() / confusion.sum() == pytest.approx(metrics.accuracy.iloc[-1], abs=1e-3)
    assert torch.load(place / "out/model.pt", weights_only=True)["classes"] == result["classes"]
    assert list((place / "checkpoints").iterdir()) == [place / "checkpoints/lock"], (
        "the checkpoints of a finished run go"
    )


def test_a_result_lies_beside_nothing_of_an_earlier_recipe(place):
    assert train(place, settings=["snapshots=[1.0]", "samples=2"]) == 0
    extra = {"separability.csv", "samples.npz"}
    kept = {path.name for path in (place / "out").iterdir()}
    assert extra <= kept and train(place) == 0
    assert {path.name for path in (place / "out").iterdir()} == kept - extra


def test_same_command_same_bytes(place):
    assert train(place) == 0
    first = {name: (place / "out" / name).read_bytes() for name in ("metrics.csv", "model.pt")}
    assert train(place) == 0
    assert first == {name: (place / "out" / name).read_bytes() for name in first}


def test_predict_classifies_a_folder_as_evaluation_does(place, capsys):
    assert train(place, method="baselines.supervised:Supervised", settings=["precision=fp64"]) == 0
    options = ["--model", str(place / "out/model.pt"), "--images", str(place / "data/test"), "--out"]
    assert main(["predict", *options, str(place / "said.csv")]) == 0
    said = pd.read_csv(place / "said.csv")
    truth = said.image.str.split("/").str[0]
    confusion = pd.crosstab(truth, said["class"]).reindex(index=["cat", "dog"], columns=["cat", "dog"], fill_value=0)
    assert confusion.to_numpy().tolist() == json.loads((place / "out/result.json").read_text())["confusion"]
    assert said.confidence.between(50, 100).all()


def test_predict_without_a_model_or_images(place, capsys):
    (place / "broken.pt").write_bytes(b"no")
    options = ["--images", str(place / "data/test"), "--out", str(place / "said.csv")]
    for model in ("broken.pt", "absent.pt"):
        capsys.readouterr()
        assert main(["predict", "--model", str(place / model), *options]) == 1
        error = capsys.readouterr().err
        assert error.count("\n") == 1 and f"{model}: expected the model.pt of a finished run" in error


def test_prepare_describes_the_data(place):
    assert main(["prepare", *data_options(place), "--out", f"{place}/data.json"]) == 0
    assert json.loads((place / "data.json").read_text())["name"] == "mine"


def test_recipe_lists_every_setting_with_its_source(capsys):
    assert main(["recipe"]) == 0
    printed = capsys.readouterr().out
    assert "lambda_u = 75.0" in printed and "MixMatch: CIFAR-10 75" in printed


@pytest.mark.parametrize(("settings", "line"), [
    (["lamda_u=3"], "--set: unknown setting 'lamda_u'; did you mean 'lambda_u'?"),
    (["lambda_u=much"], "--set: lambda_u must be of type float, found 'much'"),
    (["network=4"], "--set: network must be of type str, found 4"),
    (["input_scaling=units"], "--set: input_scaling must be one of channel, unit, found 'units'"),
    (["lambda_u"], "--set: expected name=value, found 'lambda_u'"),
    (["profile=goggle"], "--set: unknown profile 'goggle'; did you mean 'google'?"),
    (["fuzzifier=1"], "--set: fuzzifier must lie in (1, inf), found 1.0"),
    (["batch_size=0"], "--set: batch_size must lie in [2, inf), found 0"),
    (["ema_decay=2"], "--set: ema_decay must lie in [0, 1), found 2.0"),
    (["snapshots=[a]"], "--set: snapshots must be of type list of numbers, found ('a',)"),
    (["snapshots=[2.0]"], "--set: snapshots must lie in (0, 1], found (2.0,)"),
    (["evaluations=7"], "recipe: score_window <= evaluations <= steps must hold, found score_window 2, "
                        "evaluations 7, steps 6"),
])  # fmt: skip
def test_wrong_settings(place, capsys, settings, line):
    capsys.readouterr()
    assert train(place, settings=settings) == 1
    assert capsys.readouterr().err == f"error: {line}\n"


def test_wrong_method(place, capsys):
    assert train(place, method="baselines.mixmatch:MixMach") == 1
    assert "baselines.mixmatch has no method 'MixMach'; did you mean 'MixMatch'?" in capsys.readouterr().err
    assert train(place, method="baselines.mixmach:MixMatch") == 1
    assert "cannot import baselines.mixmach" in capsys.readouterr().err


def test_cuda_is_not_replaced_by_the_cpu(place, capsys):
    if torch.cuda.is_available():
        pytest.skip("a GPU is here: nothing to refuse")
    assert train(place, device="cuda") == 1
    assert "device: cuda was asked for, but PyTorch finds no GPU here" in capsys.readouterr().err


def test_split_of_other_data(place, capsys):
    next((place / "data/train").glob("*/*")).unlink()
    assert train(place) == 1
    error = capsys.readouterr().err
    assert "split mine, 6 labels, seed 0: drawn from data" in error and error.count("\n") == 1


def test_all_images_labelled(place, capsys):
    """Nothing is left to label oneself: refused, but supervised training goes on."""
    # 40 training images, of which a tenth is for validation
    cell = ["--labels", "36", "--seed", "0", "--out", str(place / "full.json")]
    assert main(["split", *data_options(place), *cell]) == 0
    capsys.readouterr()
    assert train(place, split="full.json") == 1
    assert "expected unlabelled images, found none" in capsys.readouterr().err
    assert train(place, split="full.json", method="baselines.supervised:Supervised") == 0


def test_a_twin_takes_the_result_of_the_run_it_waited_for(place, capsys):
    assert train(place) == 0
    result, made = place / "out/result.json", (place / "out/result.json").stat().st_mtime_ns
    held, release = threading.Event(), threading.Event()

    def hold():
        with only_one(place / "checkpoints"):
            held.set()
            release.wait(60)

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait(60)
    threading.Timer(0.5, release.set).start()
    assert train(place) == 0
    holder.join()
    assert "in use by another process; waiting for it" in capsys.readouterr().err
    assert result.stat().st_mtime_ns == made
    assert train(place) == 0
    assert result.stat().st_mtime_ns > made, "a run that is asked for again, and did not wait, is made again"


def test_a_diverged_run_counts_at_chance(place):
    assert train(place, method="baselines.supervised:Supervised", settings=["learning_rate=1.0e+30"]) == 0
    result = json.loads((place / "out/result.json").read_text())
    assert result["diverged"] and result["accuracy"] == result["scores"]["mean"] == 50


def test_an_error_leaves_earlier_results_alone(place):
    assert train(place) == 0
    before = (place / "out/result.json").read_bytes()
    assert train(place, settings=["network=resnet"]) == 1
    assert (place / "out/result.json").read_bytes() == before


def test_debug_shows_the_traceback(place, monkeypatch):
    monkeypatch.setenv("MARGINMIX_DEBUG", "1")
    with pytest.raises(Exception, match="unknown setting"):
        train(place, settings=["lamda_u=3"])
