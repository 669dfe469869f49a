"""Three steps of every method, and the defaults of all settings, as of the last numerics version.

`python -m tests.training.numerics` adds what the record lacks, such as a new method. Under a new version it writes all
anew.
"""

import json
from pathlib import Path
from typing import Any

from benchmarks.gpu_check.numerics import CASES
from benchmarks.gpu_check.numerics import numbers_of as three_steps
from marginmix.runs.methods import resolve_method
from marginmix.runs.spec import NUMERICS_VERSION
from tests.toy_training import METHODS

RECORD = Path(__file__).with_name("numerics.json")


def defaults(name: str) -> dict[str, Any]:
    """The defaults of a method, by setting."""
    return resolve_method(METHODS[name]).Settings().to_json()


def record(earlier: dict[str, Any]) -> dict[str, Any]:
    """`earlier`, and what it lacks; everything anew where it is of another version."""
    kept = earlier if earlier.get("version") == NUMERICS_VERSION else {"cases": {}, "defaults": {}}
    return {
        "version": NUMERICS_VERSION,
        "defaults": {name: defaults(name) | kept["defaults"].get(name, {}) for name in METHODS},
        "cases": {case: kept["cases"].get(case) or three_steps(case) for case in CASES},
    }


if __name__ == "__main__":
    RECORD.write_text(json.dumps(record(json.loads(RECORD.read_text())), indent=1) + "\n")
