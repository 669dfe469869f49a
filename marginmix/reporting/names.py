"""The names of datasets, methods and measures in tables and figures, and the order of methods."""

from collections.abc import Mapping

BASELINE = "mixmatch"
TREATMENT = "marginmix"
PAPER_TITLES = {BASELINE: "MixMatch", TREATMENT: "MarginMix"}
"""The paper's names for the two methods of its tables. They hold even where an experiment does not run them."""
METRICS = {"error_percent": "test error in percent, lower is better", "accuracy_percent": "test accuracy in percent"}


class Titles(dict[str, str]):
    """Dataset -> the name to print. `methods`: method -> the name to print."""

    def __init__(self, datasets: Mapping[str, str], methods: Mapping[str, str]):
        super().__init__(datasets)
        self.methods = dict(methods)


def method_title(method: str, titles: Mapping[str, str]) -> str:
    """The name to print for a method: from its class or experiment, else the paper's, else the method's own name."""
    return getattr(titles, "methods", {}).get(method) or PAPER_TITLES.get(method, method)


def method_order(name: str) -> tuple[int, str]:
    """Sort key for methods: the two compared ones first, then the others by name."""
    return ((BASELINE, TREATMENT).index(name) if name in (BASELINE, TREATMENT) else 2, name)
