"""An edited script, or a module that it imports, draws anew what it draws, and trains nothing."""

import os

import pytest
from copies import Copy

TINY = ("--config", "experiment=tiny")
FIGURES = {"figure_confusion", "figure_embeddings_digits", "figure_label_quality", "figure_learning_curves"}


class OwnPackage(Copy):
    """A copy that holds the package too, and runs that one."""

    def _environment(self, more: dict[str, str]) -> dict[str, str]:
        return super()._environment({"PYTHONPATH": str(self.folder), **more})


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    copy = OwnPackage.make(tmp_path_factory.mktemp("finished"), "marginmix")
    done = copy.snakemake(*TINY)
    assert done.returncode == 0, done.stdout
    assert all(path.stat().st_size > 5_000 for path in copy.folder.glob("figures/tiny/*")), "pictures, not words"
    return copy


@pytest.mark.parametrize(
    "edited, drawn",
    [
        ("workflow/scripts/figure_curves.py", {"figure_learning_curves"}),
        pytest.param("workflow/scripts/style.py", FIGURES, marks=pytest.mark.slow),
        ("workflow/scripts/pages.py", FIGURES | {"tables"}),
        pytest.param("workflow/reference/paper_tables.csv", {"tables"}, marks=pytest.mark.slow),
        pytest.param("marginmix/reporting/verdicts.py", {"tables"}, marks=pytest.mark.slow),
        ("marginmix/reporting/results.py", FIGURES | {"tables"}),
        ("marginmix/runs/spec.py", FIGURES | {"tables"}),  # what decides bits is in the identity, not in dates
        ("marginmix/methods/marginmix.py", set()),
    ],
)
def test_an_edit_draws_anew_what_is_made_of_it(finished, edited, drawn):
    path = finished.folder / edited
    kept, status = path.read_bytes(), path.stat()
    path.write_bytes(kept + b"\n# an edit\n")
    try:
        jobs = finished.planned(*TINY)
    finally:
        path.write_bytes(kept)
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert set(jobs) - {"all"} == drawn


def test_what_was_not_edited_stays_as_it_is(finished):
    script = finished.folder / "workflow/scripts/figure_curves.py"
    script.write_text(script.read_text().replace('"accuracy"', '"guess_confidence"'))
    pages = [*finished.folder.glob("figures/tiny/*"), *finished.folder.glob("results/tiny/*")]
    before = {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in pages}
    done = finished.snakemake(*TINY)
    assert done.returncode == 0 and len(finished.calls("train")) == 3, done.stdout
    after = {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in pages}
    assert {name for name in before if after[name] != before[name]} == {"learning_curves.png"}
    assert after["learning_curves.png"][0] != before["learning_curves.png"][0]
