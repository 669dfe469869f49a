"""From result.json files to the tables: which runs there are, what they say, and whether it is the paper's.

Reads files only; imports neither torch nor snakemake nor matplotlib.
"""
