"""What is planned, and what is refused, before anything runs."""

import pytest
from copies import Copy, jobs_in


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    return Copy.make(tmp_path_factory.mktemp("plan"))


def test_the_papers_grid_without_the_data_that_nobody_may_download(copy):
    jobs = copy.planned("--resources", "gpu=2")
    assert jobs["train"] == 80  # CIFAR-10, CIFAR-100, SVHN, STL-10: 8 entries x 2 methods x 5 seeds
    assert jobs["prepare"] == 4 and jobs["split"] == 40 and jobs["tables"] == 1


def test_the_papers_grid_with_all_data(copy):
    (copy.folder / "all" / "ferplus" / "FER2013Train").mkdir(parents=True)
    (copy.folder / "all" / "rafdb" / "EmoLabel").mkdir(parents=True)
    (copy.folder / "all" / "rafdb" / "EmoLabel" / "list_patition_label.txt").touch()
    done = copy.snakemake("--dry-run", "--resources", "gpu=2", "--config", "data_root=all", "missing_data=fail")
    jobs = jobs_in(done.stdout)
    assert jobs["train"] == 160 and jobs["embed"] == 2
    assert done.stdout.count("gpu=1") == 162  # one GPU each
    roots = ["datasets={ferplus: {root: all/ferplus}}", "data_root=elsewhere"]
    assert copy.planned("--config", *roots)["train"] == 120  # a dataset's root is one key


def test_a_budget_is_one_complete_file(copy):
    jobs = copy.planned("--config", "budget=tiny", "seeds=[0, 1]", "datasets={digits: {labels: [20, 50]}}")
    assert jobs["train"] == 8 and jobs["prepare"] == 1 and jobs["embed"] == 1


ABSENT = (
    "error: 2 datasets are missing (missing_data: fail): ferplus: expected FER2013Train or fer2013new.csv in one of: "
)


@pytest.mark.parametrize(
    "overrides, line",
    [
        (["missing_data=fail"], ABSENT),
        (["budget=qick"], "error: no budget 'qick' in workflow/config; did you mean 'quick'?"),
        (["budget=tiny", "sedes=[1]"], "error: workflow/config/tiny.yaml: unknown key 'sedes'; did you mean 'seeds'?"),
        (
            ["seeds=many"],
            "error: workflow/config/paper.yaml: seeds: must be a list of different whole numbers from 0 on, ",
        ),
    ],
)
def test_bad_configs_are_refused_in_one_line(copy, overrides, line):
    done = copy.snakemake("--dry-run", "--config", *overrides)
    told = [text for text in done.stdout.splitlines() if not text.startswith("Using workflow specific profile")]
    assert done.returncode == 1 and len(told) == 1 and told[0].startswith(line), done.stdout


def test_the_traceback_is_shown_when_asked_for(copy):
    done = copy.snakemake("--dry-run", "--config", "budget=qick", MARGINMIX_DEBUG="1")
    assert done.returncode == 1 and "common.smk" in done.stdout


def test_a_config_file_that_would_be_merged_is_refused(copy):
    done = copy.snakemake("--dry-run", "--configfile", "workflow/config/tiny.yaml")
    assert done.returncode == 1 and "--config budget=NAME" in done.stdout


def test_a_contact_sheet_is_drawn_where_a_run_keeps_one_and_can_show_it(copy):
    """The committed run of a clone has no samples.npz: git does not hold the images of datasets."""
    keeping = ["budget=tiny", "recipe={samples: 2}"]
    assert copy.planned("--config", *keeping)["figure_samples"] == 1
    refused = copy.snakemake("--dry-run", "--config", *keeping, "--", "figures/samples_ferplus.png")
    assert "figures/samples_ferplus.png: expected a run of budget tiny on ferplus that keeps samples" in refused.stdout
    assert refused.returncode == 1
    assert "figure_samples" not in copy.planned("--config", "budget=tiny")


def test_toy_and_diagnosis_are_asked_for_by_a_budget(copy):
    jobs = copy.planned("--config", "budget=tiny", "toy={draws: 2}", "recipe={diagnosed: 64}")
    assert jobs["toy"] == jobs["figure_toy"] == jobs["figure_why"] == 1
    assert not {"toy", "figure_why"} & set(copy.planned("--config", "budget=tiny"))
