"""Which domain is the more separable, from files written by hand."""

import pytest

from marginmix.errors import UserError
from marginmix.reporting.domains import domain_blocks, read_separability
from marginmix.reporting.markdown import to_markdown

HEADER = "step,part,space,silhouette,davies_bouldin,fisher_ratio,neighbour_error\n"
TITLES = {"cifar10": "CIFAR-10", "ferplus": "FER+"}


def write(top, place, *rows):
    path = top / place / "separability.csv"
    path.parent.mkdir(parents=True)
    path.write_text(HEADER + "\n".join(rows) + "\n")
    (path.parent / "result.json").write_text("{}")
    return path


def test_the_last_step_decides_and_the_sentence_counts(tmp_path):
    write(tmp_path, "embeddings/reduced/ferplus", "10,train,raw,0.9,0.1,9,1", "300,train,raw,0.1,2.5,0.5,40")
    write(tmp_path, "embeddings/reduced/cifar10", "300,train,raw,0.3,1.5,1.5,45")
    write(tmp_path, "runs/reduced/cifar10/250/marginmix/0", "300,test,normalised,0.2,2,1,30")
    frame = read_separability(tmp_path)
    assert len(frame) == 4 and set(frame["method"]) == {"embedding", "marginmix"}
    text = to_markdown(domain_blocks(frame, TITLES))
    assert "by 4 comparisons of one measure each: CIFAR-10 by 3, FER+ by 1." in text
    line = next(line for line in text.splitlines() if "silhouette" in line and "plane" in line)
    assert [cell.strip() for cell in line.strip("|").split("|")] == [
        "reduced", "2-unit AlexNet", "300", "the plane", "train", "silhouette", "0.30", "0.10", "CIFAR-10",
    ]  # fmt: skip
    assert "normalised" not in text  # of one domain alone: nothing to compare


def test_seeds_are_averaged_and_a_tie_is_no_win(tmp_path):
    write(tmp_path, "runs/reduced/cifar10/250/marginmix/0", "300,test,normalised,0.2,2,1,30")
    write(tmp_path, "runs/reduced/cifar10/250/marginmix/1", "300,test,normalised,0.4,2,1,30")
    write(tmp_path, "runs/reduced/ferplus/320/marginmix/0", "300,test,normalised,0.25,2,2,40")
    text = to_markdown(domain_blocks(read_separability(tmp_path), TITLES))
    assert "by 4 comparisons of one measure each: CIFAR-10 by 2, FER+ by 1." in text
    assert "0.30 | 0.25 | CIFAR-10" in " ".join(text.split())


def test_runs_of_other_lengths_and_budgets_are_not_compared(tmp_path):
    write(tmp_path, "embeddings/paper/cifar10", "30000,train,raw,0.3,1.5,1.5,45")
    write(tmp_path, "embeddings/reduced/ferplus", "300,train,raw,0.1,2.5,0.5,40")
    write(tmp_path, "embeddings/reduced/cifar10", "200,train,raw,0.3,1.5,1.5,45")
    assert domain_blocks(read_separability(tmp_path), TITLES) == []


def test_a_run_without_a_result_is_not_finished(tmp_path):
    write(tmp_path, "embeddings/reduced/ferplus", "300,train,raw,0.1,2.5,0.5,40").with_name("result.json").unlink()
    assert read_separability(tmp_path).empty


def test_one_domain_is_compared_with_none(tmp_path):
    write(tmp_path, "embeddings/quick/faces", "300,train,raw,0.3,1.5,1.5,45")
    assert domain_blocks(read_separability(tmp_path), {}) == []
    assert domain_blocks(read_separability(tmp_path / "nowhere"), {}) == []


def test_another_file_of_that_name(tmp_path):
    path = write(tmp_path, "embeddings/quick/faces")
    path.write_text("a,b\n1,2\n")
    with pytest.raises(UserError, match="is not a table of separability"):
        read_separability(tmp_path)
