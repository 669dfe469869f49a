"""The content of tables.md and tables.html: for each experiment a summary, the paper's two tables, a table of every
method, and notes."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from marginmix.reporting.cells import (
    NOTHING,
    STALE,
    every_spread,
    our_value,
    paper_value,
    points,
    signed,
    spread,
    verdict_cell,
)
from marginmix.reporting.claims import Claim, pooled_claims
from marginmix.reporting.domains import domain_blocks
from marginmix.reporting.entries import NOT_RUN, Entry
from marginmix.reporting.markdown import Block, Bullets, Heading, Paragraph, Table
from marginmix.reporting.mcnemar import mcnemar_blocks
from marginmix.reporting.names import BASELINE, METRICS, TREATMENT, method_title
from marginmix.reporting.notes import LEGEND, paper_notes, run_notes
from marginmix.reporting.results import WITHOUT_COPIES, Results, lacking
from marginmix.reporting.tables import all_entries, paper_entries, tables_frame
from marginmix.reporting.verdicts import Reproduction
from marginmix.runs.paths import LEFT_OUT

Titles = Mapping[str, str]


def assemble(found: Sequence[Results], reference: pd.DataFrame) -> tuple[pd.DataFrame, list[Block]]:
    """tables.csv as a frame, and the content of tables.md, with one section per experiment in `found`."""
    frames, blocks = [], [Heading("Results", 1)]
    for results in sorted(found, key=lambda results: not results.ordinary):  # experiments without runs come last
        frame, section = _experiment(results, reference)
        frames.append(frame)
        blocks += section
    problems = dict.fromkeys(problem for results in found for problem in results.problems)
    blocks += [Heading("How to read the tables"), Bullets([*LEGEND, *(("Not read:", text) for text in problems)])]
    frames = [frame for frame in frames if len(frame)]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(), blocks


def _experiment(results: Results, reference: pd.DataFrame) -> tuple[pd.DataFrame, list[Block]]:
    runs, titles, plan = results.runs, results.titles, results.plan
    asked = {(key.dataset, key.labels) for key in plan.runs}
    told = reference[[pair in asked for pair in zip(reference["dataset"], reference["labels"], strict=True)]]
    papers, everything = paper_entries(runs, told), all_entries(runs)
    claims = pooled_claims(runs, results.config.get("claims") or [], plan.runs)
    blocks: list[Block] = [Heading(f"Experiment {plan.experiment}")]
    blocks.append(Bullets(_summary(results, runs, papers, claims, titles)))
    for table in dict.fromkeys(entry.table for entry in papers):
        blocks += _paper_table([entry for entry in papers if entry.table == table], titles)
    blocks += _every_method(everything, titles)
    blocks += mcnemar_blocks(results.ordinary, titles)
    blocks += domain_blocks(results.separability, titles)
    if notes := run_notes(papers, everything, titles):
        blocks += [Heading("Notes", 3), Bullets(notes)]
    return tables_frame(plan.experiment, [*papers, *everything]), blocks


def _summary(
    results: Results, runs: pd.DataFrame, papers: Sequence[Entry], claims: Sequence[Claim], titles: Titles
) -> list[tuple[str, str]]:
    planned = {key for key in results.plan.runs if key.method != "embedding"}
    done = len(planned & {one.key for one in results.ordinary})
    missing = f"; {len(planned) - done} are not run ({LEFT_OUT} says why)" if done < len(planned) else ""
    stale = f"; {int(runs['stale'].sum())} with another recipe {STALE}" if runs["stale"].any() else ""
    lines = [("Runs:", f"{done} of {len(planned)} are done{missing}{stale}.")]
    lines += [("Not kept:", line) for line in lacking(results)]
    if papers:
        numbers = [score.verdict for entry in papers for score in entry.scores.values()]
        words = [verdict.verdict if isinstance(verdict, Reproduction) else "" for verdict in numbers]
        first = _counts(words, ("reproduced", "better", "not reproduced", "undecided"))
        second = _counts([entry.claim for entry in papers], ("upheld", "contradicted", "undecided"))
        verdicts = f"the paper's {len(words)} numbers: {first}. Its claim in {len(papers)} entries: {second}."
        lines.append(("Verdicts:", verdicts))
    return [*lines, *(("Headline:", _headline(claim, titles)) for claim in claims)]


def _counts(words: Iterable[str], known: Sequence[str]) -> str:
    counts = Counter(words)
    told = [f"{counts[word]} {word}" for word in known if counts[word]]
    rest = sum(counts.values()) - sum(counts[word] for word in known)
    return ", ".join([*told, *([f"{rest} without a verdict"] if rest else [])])


def _headline(claim: Claim, titles: Titles) -> str:
    first, second = (method_title(name, titles) for name in claim.methods)
    counts = f" at {' and '.join(f'{labels:,}' for labels in claim.labels)} labels" if claim.labels else ""
    what = f"{first} − {second} over {titles.get(claim.dataset, claim.dataset)}{counts}, declared before the runs:"
    if claim.difference is None:
        return f"{what} {NOT_RUN}."
    n = claim.difference.n
    pairs = f"{n} of {claim.planned} planned pairs" if claim.planned > n else f"{n} pair{'s' * (n != 1)}"
    so_far = " so far" if claim.planned > n else ""
    return f"{what} {points(claim.difference)} points of accuracy over {pairs}: {claim.verdict}{so_far}."


def _paper_table(entries: Sequence[Entry], titles: Titles) -> list[Block]:
    """The table in the paper's shape, then a table with the verdicts on each entry."""
    table, metric = entries[0].table, entries[0].metric
    names = [f"{titles.get(entry.dataset, entry.dataset)} {entry.labels:,}" for entry in entries]
    shape = []
    for method in (BASELINE, TREATMENT):
        title, scores = method_title(method, titles), [entry.scores[method] for entry in entries]
        shape.append([f"{title}, paper", *(paper_value(score) for score in scores)])
        shape.append([f"{title}, ours", *(our_value(score) for score in scores)])
    header = ["entry", "steps", "n",
              *(f"{method_title(method, titles)} reproduced?" for method in (BASELINE, TREATMENT)),
              "difference, paper", "difference, ours", "claim"]  # fmt: skip
    rows = [[name, *_judged(entry)] for name, entry in zip(names, entries, strict=True)]
    blocks: list[Block] = [Heading(f"{table.capitalize()}: {METRICS[metric]}", 3), Table(["", *names], shape)]
    blocks.append(Table(header, rows, left=1))
    notes = paper_notes(entries, titles)
    return [*blocks, *([Bullets(notes)] if notes else [])]


def _judged(entry: Entry) -> list[str]:
    scores = entry.scores.values()
    paper_difference = signed(entry.paper_difference)
    if not any(score.n for score in scores):
        return [NOT_RUN, NOTHING, NOTHING, NOTHING, paper_difference, NOT_RUN, NOTHING]
    steps = next(score.steps for score in scores if score.n)
    difference = entry.scores[TREATMENT].difference
    return [
        steps,
        str(max(score.n for score in scores)),
        *(verdict_cell(score) for score in scores),
        paper_difference,
        points(difference) if difference else NOT_RUN,
        entry.claim if difference else NOTHING,
    ]


def _every_method(entries: Sequence[Entry], titles: Titles) -> list[Block]:
    header = ["dataset", "labels", "method", "accuracy", "balanced accuracy", "without copies", "by nearest centroid",
              "n", "steps", "accuracy − MixMatch's"]  # fmt: skip
    rows = []
    for entry in entries:
        for score in entry.scores.values():
            difference = points(score.difference) if score.difference else NOTHING
            values = [spread(score, column) for column in ("score", "balanced_accuracy")]
            values += [every_spread(score, WITHOUT_COPIES), spread(score, "accuracy_centroid")]
            steps = score.steps.partition(" of ")[0]
            rows.append([titles.get(entry.dataset, entry.dataset), f"{entry.labels:,}",
                         method_title(score.method, titles), *values, str(score.n), steps, difference])  # fmt: skip
    blocks: list[Block] = [Heading("Every method and dataset: test accuracy in percent", 3)]
    return [*blocks, Table(header, rows, left=3) if rows else Paragraph("No run has finished yet.")]
