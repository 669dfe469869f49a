"""The scripts of the workflow lie in no package: Snakemake runs them from their folder."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "workflow" / "scripts"))
