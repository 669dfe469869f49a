"""What the published runs cost, from results/published/runs.csv into docs/reproduce.md; run by `make publish`."""

from pathlib import Path

import pandas as pd

ROOT = Path(__file__).parents[1]
PAGE, RUNS = ROOT / "docs" / "reproduce.md", ROOT / "results" / "published" / "runs.csv"
BEGIN, END = "<!-- costs: written by tools/costs.py -->\n", "<!-- end of costs -->\n"


def machine(run: pd.Series) -> str:
    """The processor of a run as a text; `run` is a line of runs.csv."""
    if run["device"] != "cpu":
        return run["name"]
    return f"{run['threads']} thread{'s' if run['threads'] > 1 else ''} of {run['name']}"


def table(runs: pd.DataFrame) -> str:
    """A line for each experiment and machine, in Markdown: runs, steps of a run, hours of all runs one after the
    other."""
    runs = runs.assign(machine=runs.apply(machine, axis=1))
    lines = ["| experiment | runs | steps | hours, one after the other | on |", "|---|--:|---|--:|---|"]
    for (experiment, place), some in runs.groupby(["experiment", "machine"]):
        steps = " or ".join(f"{count:,}" for count in sorted(some["steps"].unique()))
        lines.append(
            f"| `{experiment}` | {len(some):,} | {steps} | {some['wall_seconds'].sum() / 3600:.1f} | {place} |"
        )
    lines.append(f"| all | {len(runs):,} | | {runs['wall_seconds'].sum() / 3600:.1f} | |")
    return "\n".join(lines) + "\n"


def with_costs(page: str, runs: pd.DataFrame) -> str:
    """The text `page` with the table of `runs` between its two marks."""
    before, after = page.split(BEGIN)[0], page.split(END)[1]
    return f"{before}{BEGIN}\n{table(runs)}\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(with_costs(PAGE.read_text(encoding="utf-8"), pd.read_csv(RUNS)), encoding="utf-8")
