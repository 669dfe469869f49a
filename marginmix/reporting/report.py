"""What tables.md and tables.html say: the summary, the paper's two tables, every method, and the notes below them."""

from collections import Counter
from collections.abc import Iterable, Sequence

import pandas as pd

from marginmix.reporting.cells import NOTHING, STALE, our_value, paper_value, points, signed, spread, verdict_cell
from marginmix.reporting.claims import Claim, pooled_claims
from marginmix.reporting.domains import domain_blocks
from marginmix.reporting.entries import BASELINE, NOT_RUN, TREATMENT, Entry
from marginmix.reporting.markdown import Block, Bullets, Heading, Paragraph, Table
from marginmix.reporting.notes import LEGEND, METHOD_TITLES, Request, absence, paper_notes, run_notes
from marginmix.reporting.runs import Cell, cell_of
from marginmix.reporting.tables import all_entries, paper_entries
from marginmix.reporting.verdicts import Reproduction

METRICS = {"error_percent": "test error in percent, lower is better", "accuracy_percent": "test accuracy in percent"}


def assemble(
    runs: pd.DataFrame, reference: pd.DataFrame, separability: pd.DataFrame, request: Request
) -> tuple[list[Entry], list[Block]]:
    """The entries of all three tables, and the content of tables.md."""
    shown = [budget for budget, report in request.reporting.items() if report]
    reported = runs[runs["budget"].isin(shown)]
    papers, everything = paper_entries(reported, reference), all_entries(reported)
    claims = pooled_claims(runs, request.claims, request.expected, request.budget)
    blocks: list[Block] = [Heading("Results", 1), Bullets(_summary(runs, papers, everything, claims, request))]
    for table in dict.fromkeys(entry.table for entry in papers):
        blocks += _paper_table([entry for entry in papers if entry.table == table], request)
    blocks += _every_method(everything, {entry.dataset for entry in papers}, request)
    blocks += domain_blocks(separability[separability["budget"].isin(shown)], request.titles)
    blocks += [Heading("How to read the tables"), Bullets([*LEGEND, *run_notes(papers, everything, request)])]
    return [*papers, *everything], blocks


def _summary(
    runs: pd.DataFrame, papers: Sequence[Entry], everything: Sequence[Entry], claims: Sequence[Claim], request: Request
) -> list[tuple[str, str]]:
    planned = {cell_of(path) for path in request.expected}
    cells = runs[list(Cell._fields)].itertuples(index=False, name=None)
    done = runs.loc[[i for i, cell in enumerate(cells) if cell in planned]]
    shown = sorted(set(pd.concat([entry.runs for entry in everything])["budget"])) if everything else []
    missing = f", {len(planned) - len(done)} are not run" if len(done) < len(planned) else ""
    stale = f", {int(done['stale'].sum())} of another recipe {STALE}" if done["stale"].any() else ""
    absent = ", ".join(request.title(dataset) for dataset in sorted(request.absent))
    absent = f" Not planned, for want of the images: {absent}." if absent else ""
    of = f"{len(done)} of the {len(planned)} runs of budget {request.budget} are done{missing}{stale}"
    lines = [("Runs:", f"{of}. The tables show {'budget ' + ', '.join(shown) if shown else 'no run yet'}.{absent}")]
    numbers = [score.verdict for entry in papers for score in entry.scores.values()]
    words = [verdict.verdict if isinstance(verdict, Reproduction) else "" for verdict in numbers]
    first = _counts(words, ("reproduced", "better", "not reproduced", "undecided"))
    second = _counts([entry.claim for entry in papers], ("upheld", "contradicted", "undecided"))
    verdicts = f"the paper's {len(words)} numbers: {first}. Its claim in {len(papers)} entries: {second}."
    lines.append(("Verdicts:", verdicts))
    headlines = " ".join(_headline(claim, request) for claim in claims)
    return [*lines, ("Headline:", headlines or f"budget {request.budget} declares no pooled claim.")]


def _counts(words: Iterable[str], known: Sequence[str]) -> str:
    counts = Counter(words)
    told = [f"{counts[word]} {word}" for word in known if counts[word]]
    rest = sum(counts.values()) - sum(counts[word] for word in known)
    return ", ".join([*told, *([f"{rest} without a verdict"] if rest else [])])


def _headline(claim: Claim, request: Request) -> str:
    first, second = (METHOD_TITLES.get(method, method) for method in claim.methods)
    counts = f" at {' and '.join(f'{labels:,}' for labels in claim.labels)} labels" if claim.labels else ""
    what = f"{first} − {second} over {request.title(claim.dataset)}{counts}, declared in {claim.budget}:"
    if claim.difference is None:
        return f"{what} {NOT_RUN}."
    n = claim.difference.n
    pairs = f"{n} of {claim.planned} planned pairs" if claim.planned > n else f"{n} pair{'s' * (n != 1)}"
    so_far = " so far" if claim.planned > n else ""
    return f"{what} {points(claim.difference)} points of accuracy over {pairs}: {claim.verdict}{so_far}."


def _paper_table(entries: Sequence[Entry], request: Request) -> list[Block]:
    """The table in the paper's shape, then what can be said of each entry."""
    table, metric = entries[0].table, entries[0].metric
    names = [f"{request.title(entry.dataset)} {entry.labels:,}" for entry in entries]
    shape = []
    for method in (BASELINE, TREATMENT):
        title, scores = METHOD_TITLES[method], [entry.scores[method] for entry in entries]
        shape.append([f"{title}, paper", *(paper_value(score) for score in scores)])
        shape.append([f"{title}, ours", *(our_value(score) for score in scores)])
    header = ["entry", "images", "budget", "steps", "n",
              *(f"{METHOD_TITLES[method]} reproduced?" for method in (BASELINE, TREATMENT)),
              "difference, paper", "difference, ours", "claim"]  # fmt: skip
    rows = [[name, *_judged(entry)] for name, entry in zip(names, entries, strict=True)]
    blocks: list[Block] = [Heading(f"{table.capitalize()}: {METRICS[metric]}"), Table(["", *names], shape)]
    blocks.append(Table(header, rows, left=3))
    notes = paper_notes(entries, request)
    lacking = [dataset for dataset in dict.fromkeys(entry.dataset for entry in entries if entry.budget is None)]
    reasons = [absence(dataset, request) for dataset in lacking if dataset in request.absent]
    return [*blocks, *([Bullets([*reasons, *notes])] if reasons or notes else [])]


def _judged(entry: Entry) -> list[str]:
    scores = entry.scores.values()
    paper_difference = signed(entry.paper_difference)
    if entry.budget is None:
        return [NOTHING, NOTHING, NOT_RUN, NOTHING, NOTHING, NOTHING, paper_difference, NOT_RUN, NOTHING]
    steps = next(score.steps for score in scores if score.n)
    difference = entry.scores[TREATMENT].difference
    return [
        " / ".join(entry.sources) or entry.dataset,
        entry.budget,
        steps,
        str(max(score.n for score in scores)),
        *(verdict_cell(score) for score in scores),
        paper_difference,
        points(difference) if difference else NOT_RUN,
        entry.claim if difference else NOTHING,
    ]


def _every_method(entries: Sequence[Entry], in_paper: set[str], request: Request) -> list[Block]:
    header = ["dataset", "labels", "method", "accuracy", "balanced accuracy", "by nearest centroid", "n", "steps",
              "budget", "accuracy − MixMatch's"]  # fmt: skip
    rows = []
    for entry in entries:
        for score in entry.scores.values():
            name = " / ".join(sorted(set(score.runs["source"]) - {entry.dataset})) or request.title(entry.dataset)
            difference = points(score.difference) if score.difference else NOTHING
            values = [spread(score, column) for column in ("score", "balanced_accuracy", "accuracy_centroid")]
            steps = score.steps.partition(" of ")[0]
            method = METHOD_TITLES.get(score.method, score.method)
            rows.append([name, f"{entry.labels:,}", method, *values, str(score.n), steps, score.runs["budget"].iloc[0],
                         difference])  # fmt: skip
    blocks: list[Block] = [Heading("Every method and dataset: test accuracy in percent")]
    blocks.append(Table(header, rows, left=3) if rows else Paragraph("No run that is reported has finished yet."))
    others = [dataset for dataset in sorted(request.absent) if dataset not in in_paper]
    return [*blocks, *([Bullets([absence(dataset, request) for dataset in others])] if others else [])]
