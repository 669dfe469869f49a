"""From result.json files to tables: runs, their numbers, and verdicts on the paper's numbers.

This package reads files only. It imports neither torch nor snakemake nor matplotlib.
"""
