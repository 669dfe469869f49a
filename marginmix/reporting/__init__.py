"""From result.json files to tables: the runs, their numbers, and the verdicts on the paper's.

Reads files only, and imports neither torch nor snakemake nor matplotlib.
"""
