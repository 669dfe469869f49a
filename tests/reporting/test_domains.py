"""Which domain is the more separable, by hand."""

from marginmix.reporting.domains import domain_blocks
from marginmix.reporting.markdown import to_markdown
from marginmix.reporting.names import Titles
from tests.fake_runs import config_text, make_results, write_run

TITLES = Titles({"cifar10": "CIFAR-10", "ferplus": "FER+"}, {"embedding": "2-unit AlexNet"})
LABELS = {"cifar10": 250, "ferplus": 320, "faces": 70}
NAMES = ("step", "part", "space", "silhouette", "davies_bouldin", "fisher_ratio", "neighbour_error")
EMBEDDING = {"network": "alexnet-2d"}
CONFIG = config_text(
    "reduced",
    "{cifar10: {labels: [250]}, ferplus: {labels: [320]}}",
    embeddings="{recipe: {network: alexnet-2d, steps: 800, evaluations: 20, score_window: 5}, "
    "datasets: {ferplus: {}, cifar10: {}}}",
)


def measured(top, dataset, method, seed, *rows):
    """A finished run of which these rows of separability were kept."""
    separability = [dict(zip(NAMES, row, strict=True)) for row in rows]
    settings = EMBEDDING if method == "embedding" else {}
    write_run(top, "reduced", dataset, LABELS[dataset], method, seed, 60.0, settings, separability=separability)


def test_the_last_step_decides_and_the_sentence_counts(top):
    early, late = (10, "train", "raw", 0.9, 0.1, 9, 1), (800, "train", "raw", 0.1, 2.5, 0.5, 40)
    measured(top, "ferplus", "embedding", 0, early, late)
    measured(top, "cifar10", "embedding", 0, (800, "train", "raw", 0.3, 1.5, 1.5, 45))
    measured(top, "cifar10", "marginmix", 0, (800, "test", "normalised", 0.2, 2, 1, 30))
    frame = make_results(top, CONFIG).separability
    assert len(frame) == 4 and set(frame["method"]) == {"embedding", "marginmix"}
    text = to_markdown(domain_blocks(frame, TITLES))
    assert "in 4 comparisons, each of one measure: CIFAR-10 in 3, FER+ in 1." in text
    line = next(line for line in text.splitlines() if "silhouette" in line and "plane" in line)
    assert [cell.strip() for cell in line.strip("|").split("|")] == [
        "2-unit AlexNet", "800", "the plane", "train", "silhouette", "0.30", "0.10", "CIFAR-10",
    ]  # fmt: skip
    assert "normalised" not in text  # of one domain alone: nothing to compare


def test_rows_of_embedding_runs_have_no_cell(top):
    row = (800, "train", "raw", 0.1, 2.5, 0.5, 40)
    measured(top, "ferplus", "embedding", 0, row)
    measured(top, "ferplus", "marginmix", 1, row)
    frame = make_results(top, CONFIG).separability.set_index("method")
    assert frame.loc["embedding", ["labels", "seed"]].isna().all()
    assert list(frame.loc["marginmix", ["experiment", "dataset", "labels", "seed"]]) == ["reduced", "ferplus", 320, 1]


def test_seeds_are_averaged_and_a_tie_is_no_win(top):
    measured(top, "cifar10", "marginmix", 0, (800, "test", "normalised", 0.2, 2, 1, 30))
    measured(top, "cifar10", "marginmix", 1, (800, "test", "normalised", 0.4, 2, 1, 30))
    measured(top, "ferplus", "marginmix", 0, (800, "test", "normalised", 0.25, 2, 2, 40))
    text = to_markdown(domain_blocks(make_results(top, CONFIG).separability, TITLES))
    assert "in 4 comparisons, each of one measure: CIFAR-10 in 2, FER+ in 1." in text
    assert "0.30 | 0.25 | CIFAR-10" in " ".join(text.split())


def test_runs_of_other_lengths_and_methods_are_not_compared(top):
    measured(top, "cifar10", "embedding", 0, (400, "train", "raw", 0.3, 1.5, 1.5, 45))
    measured(top, "ferplus", "embedding", 0, (800, "train", "raw", 0.1, 2.5, 0.5, 40))
    measured(top, "cifar10", "marginmix", 0, (800, "train", "raw", 0.1, 2.5, 0.5, 40))
    frame = make_results(top, CONFIG).separability
    assert len(frame) == 3 and domain_blocks(frame, TITLES) == []


def test_one_domain_is_compared_with_none(top):
    measured(top, "ferplus", "embedding", 0, (800, "train", "raw", 0.3, 1.5, 1.5, 45))
    frame = make_results(top, CONFIG).separability
    assert len(frame) == 1 and domain_blocks(frame, {}) == []
    assert domain_blocks(frame.iloc[:0], {}) == []
