"""The measurements as CSV, one file a kind, and as tables: benchmarks/results/README.md."""

from datetime import date
from pathlib import Path

import pandas as pd
import torch
from scipy import stats

from benchmarks.parts import PARTS
from marginmix.files import write_atomically
from marginmix.reporting.markdown import Block, Bullets, Heading, Paragraph, Table, to_markdown

GPU_HINT = "not run: no GPU was at hand; `make bench` on a machine with one fills this in"


def keep(path: Path, rows: list[dict], device_name: str) -> None:
    """Put `rows` into the CSV at `path` in the place of those that the same device had."""
    new = pd.DataFrame(rows).assign(device=device_name, torch=torch.__version__, date=date.today().isoformat())
    if path.exists():
        old = pd.read_csv(path)
        new = pd.concat([old[old["device"] != device_name], new], ignore_index=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, new.to_csv(index=False, float_format="%.6g", lineterminator="\n"))


def write_report(folder: Path) -> None:
    frames = {path.stem: pd.read_csv(path) for path in sorted(folder.glob("*.csv"))}
    blocks: list[Block] = [Heading("What a step costs, measured", 1), Paragraph(_INTRODUCTION)]
    for name, section in _SECTIONS.items():
        if name in frames:
            for device, rows in frames[name].groupby("device", sort=False):
                blocks += section(rows, device)
    if not any("NVIDIA" in device for frame in frames.values() for device in frame["device"]):
        blocks += [Heading("GPU"), Paragraph(GPU_HINT)]
    write_atomically(folder / "README.md", to_markdown(blocks))


_INTRODUCTION = (
    "Written by make bench; paper and precision by python -m benchmarks with these names. Medians "
    "over five turns in one process; ratios are medians over turns. Shared machines are noisy: compare within one "
    "table only. Plain is the usual published loop (benchmarks/plain.py): worker processes that augment image by "
    "image, separate forwards, fp32, contiguous tensors, an EMA in a Python loop."
)


def _steps(rows: pd.DataFrame, device: str) -> list[Block]:
    first = rows.iloc[0]
    half = rows[rows["precision"] == "bf16"].iloc[0]
    header = ("method", "network", "batch", "dtype", "execution", "ms/step", "images/s", "× plain", "GFLOP/s", "GB/s",
              "floor/time", *PARTS, "peak MiB", "first step, s")  # fmt: skip
    table = [
        (
            row.method, f"{row.network}, {row.side}×{row.side}", str(row.batch), row.precision, row.mode,
            f"{row.ms_per_step:.1f}", f"{row.images_per_second:,.0f}", _number(row.times_plain, ".2f"),
            _number(row.gflops, ",.0f"), _number(row.gbytes_per_second, ".1f"), _number(row.floor_over_time, ".2f"),
            *(_number(getattr(row, f"{part}_percent"), ".0f", " %") for part in PARTS),
            _number(row.peak_mib, ",.0f"), _number(row.first_step_s, ".1f"),
        )
        for row in rows.itertuples()
    ]  # fmt: skip
    text = (
        f"{device}, {first.threads} threads, torch {first.torch}, {first.date}. Ceilings in bf16: matrix product "
        f"{half.ceiling_product_gflops:,.0f} GFLOP/s, best 3×3 convolution with its gradients "
        f"{half.ceiling_convolution_gflops:,.0f} GFLOP/s, copy {half.ceiling_copy_gbytes:.1f} GB/s. floor/time: time "
        "that convolutions and matrix products alone would need at these ceilings, by operations or by bytes, over the "
        "time taken. GB/s: all that the step's operations read and write, one after the other. The four shares are of "
        "an eager step. Images: B labelled and B unlabelled a step. Peak: of a process of its own. The "
        "first compiled step compiles, into an empty cache."
    )
    return [Heading(f"A training step: {device}"), Paragraph(text), Table(header, table, left=5)]


def _packing(rows: pd.DataFrame, device: str) -> list[Block]:
    header = ("network", "method", "execution", "runs at once", "threads each", "steps/s in all")
    table = [
        (row.network, row.method, row.mode, str(row.runs), str(row.threads), f"{row.steps_per_second:.2f}")
        for row in rows.itertuples()
    ]
    return [Heading(f"Several runs at once: {device}"), Table(header, table, left=3)]


def _scaling(rows: pd.DataFrame, device: str) -> list[Block]:
    header = ("images", "labelled", "ms/step", "images, MiB", "peak beyond them, MiB")
    table = [
        (f"{row.images:,}", f"{row.labelled:,}", f"{row.ms_per_step:.1f}", f"{row.images_mib:.0f}",
         f"{row.peak_mib_beyond_images:.0f}")
        for row in rows.itertuples()
    ]  # fmt: skip
    text = f"MarginMix, {rows.iloc[0].network}, {rows.iloc[0].side}×{rows.iloc[0].side}, synthetic images."
    return [Heading(f"Larger datasets, more labels: {device}"), Paragraph(text), Table(header, table, left=0)]


def _startup(rows: pd.DataFrame, device: str) -> list[Block]:
    row = rows.iloc[0]
    text = (
        f"A whole job of one step (imports, data, split, first step, an evaluation of 1,400 images, files written): "
        f"{row.seconds:.1f} s, the slowest of three {row.slowest:.1f} s; {device}, {row.threads} thread."
    )
    return [Heading("Start-up"), Paragraph(text)]


def _workflow(rows: pd.DataFrame, device: str) -> list[Block]:
    header = ("runs", "planning, s", "per job, s")
    table = [
        (f"{row.runs:,}", f"{row.plan_seconds:.1f}", _number(row.seconds_per_job, ".3f")) for row in rows.itertuples()
    ]
    text = "Snakemake's dry run, and a job beside its training (with a trainer that takes no time, on all cores)."
    return [Heading(f"The workflow: {device}"), Paragraph(text), Table(header, table, left=0)]


def _paper(rows: pd.DataFrame, device: str) -> list[Block]:
    header = (
        "table", "images", "network", "method", "runs", "s per 1,000 steps", "plain", "× plain", "hours", "plain, hours"
    )  # fmt: skip
    table = [
        (row.table, f"{row.side}×{row.side}, {row.classes} classes", row.network, row.method, str(row.runs),
         f"{row.fast_ms:,.0f}", f"{row.plain_ms:,.0f}", f"{row.plain_ms / row.fast_ms:.1f}", f"{row.fast_hours:,.0f}",
         f"{row.plain_hours:,.0f}")
        for row in rows.itertuples()
    ]  # fmt: skip
    sums = rows.groupby("table", sort=False)[["runs", "fast_hours", "plain_hours"]].sum()
    points = [
        (name, f"{row.runs:.0f} runs: {row.fast_hours:,.0f} hours, plain {row.plain_hours:,.0f}")
        for name, row in sums.iterrows()
    ]
    text = (
        f"{device}, {rows.iloc[0].threads} threads; hours of this device for all runs of 2^20 steps, one after the "
        "other, evaluations not counted. From a few steps each."
    )
    return [Heading(f"The paper's tables: {device}"), Paragraph(text), Table(header, table, left=4), Bullets(points)]


def _precision(rows: pd.DataFrame, device: str) -> list[Block]:
    header = ("method", "seeds", "bf16", "fp32", "bf16 − fp32", "95 % interval")
    table = []
    for method, pairs in rows.groupby("method", sort=False):
        difference = pairs["bf16"] - pairs["fp32"]
        half = stats.t.ppf(0.975, len(pairs) - 1) * difference.sem()
        mean = difference.mean()
        interval = f"[{mean - half:+.2f}, {mean + half:+.2f}]"
        table.append((method, str(len(pairs)), f"{pairs['bf16'].mean():.2f}", f"{pairs['fp32'].mean():.2f}",
                      f"{mean:+.2f}", interval))  # fmt: skip
    first = rows.iloc[0]
    text = (
        f"Test accuracy in percent on {first.dataset}, {first.labels} labels, {first.steps} steps, the settings of the "
        f"experiment quick, paired on cells of seeds {rows['seed'].min()} to {rows['seed'].max()}; {device}."
    )
    return [Heading("bf16 against fp32"), Paragraph(text), Table(header, table)]


def _number(value: float, form: str, unit: str = "") -> str:
    return "" if pd.isna(value) else f"{value:{form}}{unit}"


_SECTIONS = {
    "steps": _steps, "packing": _packing, "scaling": _scaling, "startup": _startup,
    "workflow": _workflow, "paper": _paper, "precision": _precision,
}  # fmt: skip
