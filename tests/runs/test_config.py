"""Experiments: the committed ones, what is refused and how, and what runs and settings come of them."""

import pytest
import yaml

from marginmix.errors import UserError
from marginmix.runs import config as experiments
from marginmix.runs.key import RunKey
from marginmix.runs.methods import facts_of
from marginmix.runs.recipe import PROFILES, Recipe, make_recipe
from tests.runs.experiment import SHIPPED, SOME, WORKFLOW, loaded, make_workflow


@pytest.fixture
def load(tmp_path):
    make_workflow(tmp_path)

    def call(experiment="some", **overrides):
        return experiments.load(tmp_path, experiment, overrides)

    return call


@pytest.mark.parametrize("experiment", SHIPPED)
def test_committed_experiments_are_valid(experiment):
    assert experiments.load(WORKFLOW, experiment)["experiment"] == experiment


def test_the_papers_experiment_is_its_grid():
    config = experiments.load(WORKFLOW, "paper")
    runs = experiments.runs(config)
    assert len(runs) == len(set(runs)) == 160
    assert {run.seed for run in runs} == set(range(5)) and {run.method for run in runs} == {"mixmatch", "marginmix"}
    assert config["device"] == "cuda"
    recipes = {run.dataset: experiments.recipe_of(config, run) for run in runs}
    assert all((r.steps, r.evaluations, r.score_window) == (2**20, 1024, 20) for r in recipes.values())
    lambdas = {"cifar10": 75, "cifar100": 150, "svhn": 250, "stl10": 50, "ferplus": 20, "rafdb": 20}
    assert {name: recipe.lambda_u for name, recipe in recipes.items()} == lambdas
    large = recipes.pop("cifar100")
    assert (large.network, large.weight_decay) == ("wrn-28-2-large", 0.04)
    assert {recipe.weight_decay for recipe in recipes.values()} == {0.02}
    assert recipes.pop("stl10").network == recipes.pop("rafdb").network == "wrn-28-2-stl"
    assert {recipe.network for recipe in recipes.values()} == {"wrn-28-2"}


def test_what_the_study_froze_lies_over_the_profile_and_under_the_experiment():
    kind = facts_of("marginmix.methods.marginmix:MarginMix").settings
    assert (kind().margin, kind().membership_temperature) == ("softmax", 0.5)
    found = make_recipe({"margin": "hinge", "profile": "google"}, kind=kind)
    assert (found.margin, found.membership_temperature, found.crop_offsets) == ("hinge", 0.5, "closed")
    assert found.changes == {"margin": "hinge", **PROFILES["google"]}


def test_every_experiment_but_the_papers_takes_the_device_that_is_there():
    for name in SHIPPED:
        text = (WORKFLOW / "config" / f"{name}.yaml").read_text()
        assert yaml.safe_load(text)["device"] == ("cuda" if name == "paper" else "auto")


def test_the_readme_beside_them_lists_the_experiments():
    lines = (WORKFLOW / "config" / "README.md").read_text().splitlines()
    listed = [line.split("`")[1] for line in lines if line.startswith("| `") and ".yaml`" in line]
    assert sorted(listed) == [f"{name}.yaml" for name in SHIPPED]


def test_a_method_of_fewer_seeds(load):
    ceiling = {"method_class": "baselines.supervised:Supervised", "seeds": [1]}
    config = load(methods={"ceiling": ceiling}, datasets={"mine": {"methods": ["sharp"]}})
    found = [(r.labels, r.seed) for r in experiments.runs(config) if r.method == "ceiling"]
    assert found == [(20, 1), (50, 1)]
    with pytest.raises(UserError, match=r"methods.ceiling.seeds: expected seeds of mine, \[3\], found \[1\]"):
        load(methods={"ceiling": ceiling}, datasets={"mine": {"methods": ["sharp", "ceiling"]}})


def test_fewer_seeds_at_some_label_counts(load):
    config = load(datasets={"digits": {"seeds": {50: [1]}}})
    found = [(r.labels, r.seed) for r in experiments.runs(config) if r.method == "sharp"]
    assert found[:3] == [(20, 0), (20, 1), (50, 1)]
    said = load(datasets={"digits": {"seeds": {"50": ["1"]}}})  # as Snakemake hands over --config
    assert experiments.runs(said) == experiments.runs(config)
    with pytest.raises(UserError, match=r"methods.sharp.seeds: expected seeds of digits, \[1\], found \[0\]"):
        load(
            datasets={"digits": {"seeds": {50: [1]}, "methods": ["sharp"]}},
            methods={"sharp": {"labels": [50], "seeds": [0]}},
        )
    with pytest.raises(UserError, match=r"datasets.digits.seeds: expected label counts among \[20, 50\], found \[51\]"):
        load(datasets={"digits": {"seeds": {51: [1]}}})
    with pytest.raises(
        UserError, match="datasets.digits.seeds: must be a list of different whole numbers from 0 on, or"
    ):
        load(datasets={"digits": {"seeds": {50: 1}}})


def test_a_claim_is_over_label_counts_that_are_run(load):
    claim = {"name": "x", "dataset": "digits", "methods": ["sharp", "supervised"]}
    assert load(claims=[claim | {"labels": [50]}])["claims"][0]["labels"] == [50]
    with pytest.raises(
        UserError, match=r"claims\[0\].labels: expected label counts of digits, \[20, 50\], found \[51\]"
    ):
        load(claims=[claim | {"labels": [51]}])


def test_a_method_of_fewer_label_counts(load):
    few = {"method_class": "baselines.supervised:Supervised", "labels": [50]}
    config = load(methods={"few": few})
    assert [(r.labels, r.seed) for r in experiments.runs(config) if r.method == "few"] == [(50, 0), (50, 1)]
    with pytest.raises(
        UserError, match=r"methods.few.labels: expected label counts of the datasets, \[8, 20, 50\], found \[9\]"
    ):
        load(methods={"few": {**few, "labels": [9]}})


def test_runs_are_keys_in_the_order_of_the_file(load):
    runs = experiments.runs(load())
    assert len(runs) == 2 * 2 * 2 + 1
    assert runs[0] == RunKey("some", "digits", 20, "supervised", 0)
    assert runs[-1] == RunKey("some", "mine", 8, "sharp", 3)
    assert runs[0].cell == "digits/20/0"


def test_later_settings_win(load):
    config = load()
    recipe = experiments.recipe_of(config, RunKey("some", "digits", 20, "supervised", 0))
    assert (recipe.steps, recipe.lambda_u) == (100, 5.0)
    differing = {"steps": 100, "evaluations": 10, "score_window": 5, "lambda_u": 5.0}
    assert recipe.changes == {**differing, **PROFILES["pytorch"]} and Recipe().changes == {}
    assert experiments.recipe_of(config, RunKey("some", "digits", 20, "sharp", 0)).temperature == 0.25


def test_a_setting_for_all_methods_is_for_those_that_have_it(load):
    config = load(recipe={"temperature": 0.6}, methods={"mixmatch": {"method_class": "baselines.mixmatch:MixMatch"}})
    recipes = {name: experiments.recipe_of(config, RunKey("some", "digits", 20, name, 0)) for name in config["methods"]}
    assert recipes["mixmatch"].temperature == 1.0 and not hasattr(recipes["supervised"], "temperature")
    with pytest.raises(UserError, match="recipe: no method here has the setting 'fuzzifier'"):
        load(recipe={"fuzzifier": 2.0})
    with pytest.raises(UserError, match="settings of supervised on digits: unknown setting 'temperature'"):
        load(methods={"supervised": {"recipe": {"temperature": 0.5}}})


def test_overrides_are_merged_key_by_key_and_read_as_yaml(load):
    config = load(
        seeds=["4", "5"], datasets={"digits": {"image_size": "16"}}, recipe={"decay_last": "0.5"}, report=True
    )
    assert config["seeds"] == [4, 5] and config["report"] is True
    assert config["datasets"]["digits"]["labels"] == [20, 50] and config["datasets"]["digits"]["image_size"] == 16
    assert config["recipe"]["decay_last"] == 0.5 and config["recipe"]["steps"] == 100


def test_embeddings_take_the_entry_of_their_dataset(load):
    embeddings = {
        "recipe": {"network": "alexnet-2d"},
        "datasets": {"digits": {}, "faces": {"labels": 70, "image_size": 16}},
    }
    config = load(embeddings=embeddings, datasets={"digits": {"image_size": 8}})
    assert experiments.embedding_entry(config, "digits")["image_size"] == 8
    assert experiments.embedding_entry(config, "digits")["labels"] == 20
    assert experiments.embedding_entry(config, "faces")["labels"] == 70
    recipe = experiments.embedding_recipe(config, "digits")
    assert recipe.network == "alexnet-2d" and recipe.steps == Recipe.steps


REFUSED = [
    ({"seds": [1]}, "unknown key 'seds'; did you mean 'seeds'?"),
    ({"seeds": "all"}, "seeds: must be a list of different whole numbers from 0 on, found 'all'"),
    ({"seeds": [1, 1]}, "seeds: must be a list of different whole numbers from 0 on, found [1, 1]"),
    ({"seeds": [1, -2]}, "seeds[1]: must be a whole number from 0 on, found -2"),
    ({"device": "gpu"}, "device: must be auto, cpu or cuda, found 'gpu'"),
    ({"threads": "many"}, "threads: must be a whole number from 1 on: CPU threads of a training job, found 'many'"),
    ({"datasets": {"digits": {"lables": [3]}}}, "datasets.digits: unknown key 'lables'; did you mean 'labels'?"),
    ({"datasets": {"digits": {"labels": [0]}}}, "datasets.digits.labels[0]: must be a whole number from 1 on"),
    ({"datasets": {"faecs": {"labels": [3]}}}, "unknown dataset 'faecs'; did you mean 'faces'?"),
    ({"datasets": {"faces": {}}}, "datasets.faces: the key 'labels' is missing: a list of different label counts"),
    ({"datasets": {"a/b": {"labels": [2]}}}, "datasets: must be a name of letters, digits, '.', '_' and '-'"),
    ({"datasets": {"mine": {"family": "foldr"}}}, "unknown dataset 'foldr'; did you mean 'folder'?"),
    ({"datasets": {"digits": {"methods": ["shrap"]}}}, "'shrap' is not in this experiment; did you mean 'sharp'?"),
    ({"methods": {"m": {"method_class": "mixmatch"}}},
     "methods.m.method_class: must be an import path, package.module:Class"),
    ({"methods": {"m": {"method_class": "baselines.mixmtch:M"}}}, "No module named 'baselines.mixmtch'); did you mean"),
    ({"methods": {"m": {"method_class": "baseline.mixup:M"}}},
     "methods.m.method_class: cannot import baseline.mixup (No module named 'baseline')"),
    ({"methods": {"m": {"method_class": "baselines.mixup:Mixup"}}}, "has no method 'Mixup'; did you mean 'MixUp'?"),
    ({"methods": {"m": {"recipe": {}}}}, "methods.m: the key 'method_class' is missing: an import path"),
    ({"methods": {"embedding": {"method_class": "baselines.mixup:MixUp"}}},
     "methods.embedding: the runs of the embedding figures have this name; choose another"),
    ({"datasets": {"ferplus-natural": {"labels": [320]}}}, "names no longer contain options; "
     "write ferplus-natural: {family: ferplus, label_draw: natural}"),
    ({"datasets": {"faces-0.6": {"labels": [70]}}}, "write faces-0.6: {family: faces, ambiguity: 0.6}"),
    ({"datasets": {"mine-natural": {"labels": [8], "family": "folder"}}}, "{family: folder, label_draw: natural}"),
    ({"datasets": {"digits": {"flip": "maybe"}}}, "dataset 'digits': flip must be true or false, found 'maybe'"),
    ({"datasets": {"digits": {"vote_rule": "majority"}}}, "dataset 'digits': has no option 'vote_rule', only "),
    ({"datasets": {"digits": {"label-draw": "natural"}}}, "unknown key 'label-draw'; did you mean 'label_draw'?"),
    ({"study": {}}, "study: expected variants, found none; add them with vary, or as methods with of: <start>"),
    ({"methods": {"blunt": {"of": "shrap"}}}, "methods.blunt.of: 'shrap' is not in this experiment; did you mean"),
    ({"methods": {"blunt": {"recipe": {}}}}, "methods.blunt: the key 'method_class' is missing: an import path"),
    ({"methods": {"a": {"of": "b"}, "b": {"of": "a"}}}, "methods.b.of: 'a' is a variant of itself, directly or not"),
    ({"vary": {"sharp": {"switches": [{"tempreature": 1}]}}}, "unknown setting 'tempreature'; did you mean 'temp"),
    ({"vary": {"sharp": {"switches": [{"seeds": [0]}]}}}, "vary.sharp.switches[0]: expected a setting or a method"),
    ({"vary": {"sharp": {"switches": [{"alpha": 0.5}, {"alpha": 0.5}]}}}, "switches[1]: the name 'sharp+alpha=0.5' is"),
    ({"vary": {"sharp": {"seeds": [0]}}}, "vary.sharp: the key 'switches' is missing: a list of switches"),
    ({"vary": {"sharp": [{"alpha": 0.5}]}}, "vary.sharp: must be a mapping with the key switches"),
    ({"recipe": {"stesp": 5}}, "recipe: no method here has the setting 'stesp'; did you mean 'steps'?"),
    ({"recipe": {"steps": 2.5}}, "settings of supervised on digits: steps must be of type int, found 2.5"),
    ({"recipe": {"profile": "goggle"}}, "settings of supervised on digits: unknown profile 'goggle'; did you mean"),
    ({"methods": {"sharp": {"recipe": {"teacher": "averge"}}}}, "sharp on digits: teacher must be one of"),
    ({"embeddings": {"recipe": {}, "datasets": {"svhn": {}}}}, "svhn: the key 'labels' is missing"),
    ({"claims": [{"name": "x", "dataset": "digit", "methods": ["sharp", "sharp"]}]}, "claims[0].dataset: 'digit' is"),
    ({"checks": {"must_beat": {"baseline": "superv", "methods": ["sharp"], "margin": 1}}}, "'superv' is not in"),
]  # fmt: skip


@pytest.mark.parametrize("overrides, line", REFUSED, ids=[line[:40] for _, line in REFUSED])
def test_bad_configs_are_refused_in_one_line(load, overrides, line):
    with pytest.raises(UserError) as refused:
        load(**overrides)
    assert line in str(refused.value) and "some.yaml: " in str(refused.value) and "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            "{starts: [sharp]}",
            "study.starts no longer exists; give each variant of: <start>, or generate",
        ),
        ("{unjudged: {sharp: x}}", "study.unjudged no longer exists; set unjudged: <text> in the variant itself"),
    ],
)
def test_keys_of_a_study_of_before_are_refused_with_their_new_spelling(tmp_path, said, told):
    with pytest.raises(UserError) as refused:
        loaded(tmp_path, f"{SOME}study: {said}\n")
    assert f"some.yaml: {told}" in str(refused.value) and "\n" not in str(refused.value)


def test_a_dataset_entry_says_its_options_by_what_differs(tmp_path):
    entry = "hard: {family: faces, ambiguity: 1, label_draw: balanced, labels: [70]}"
    config = loaded(tmp_path, SOME.replace("  mine: {", f"  {entry}\n  mine: {{"))
    assert experiments.dataset_entry(config, "hard")["options"] == {"family": "faces", "ambiguity": 1.0}
    assert experiments.dataset_entry(config, "digits")["options"] == {}


def test_unknown_and_broken_experiments(load, tmp_path):
    with pytest.raises(UserError, match="no experiment 'smoe' in .*; did you mean 'some'?"):
        load("smoe")
    make_workflow(tmp_path, "seeds: [1", "broken")
    with pytest.raises(UserError, match="broken.yaml is not valid YAML"):
        load("broken")
    make_workflow(tmp_path, SOME, "renamed")
    with pytest.raises(UserError, match="experiment must equal the file's name .*, 'renamed', found 'some'"):
        load("renamed")
    make_workflow(tmp_path, "- 1", "list")
    with pytest.raises(UserError, match="must be a mapping"):
        load("list")


@pytest.mark.parametrize("labels", [9, 1298])
def test_label_counts_that_cannot_be(load, labels):
    with pytest.raises(
        UserError, match=rf"datasets\.digits\.labels: expected 10 \(one per class\) to 1,297 .* found {labels}"
    ):
        load(datasets={"digits": {"labels": [labels]}})
