"""What tables and figures call the datasets, methods and measures, and in which order methods come."""

from collections.abc import Mapping

BASELINE = "mixmatch"
TREATMENT = "marginmix"
PAPER_TITLES = {BASELINE: "MixMatch", TREATMENT: "MarginMix"}
"""What the paper calls the two methods of its tables, whether an experiment runs them or not."""
METRICS = {"error_percent": "test error in percent, lower is better", "accuracy_percent": "test accuracy in percent"}


class Titles(dict[str, str]):
    """Dataset -> the name to print; `methods`: method -> the name to print."""

    def __init__(self, datasets: Mapping[str, str], methods: Mapping[str, str]):
        super().__init__(datasets)
        self.methods = dict(methods)


def method_title(method: str, titles: Mapping[str, str]) -> str:
    """The name to print for a method: by its class or its experiment, else by the paper, else as it is."""
    return getattr(titles, "methods", {}).get(method) or PAPER_TITLES.get(method, method)


def method_order(name: str) -> tuple[int, str]:
    """Sorts methods: the two that are compared first, then the others by name."""
    return ((BASELINE, TREATMENT).index(name) if name in (BASELINE, TREATMENT) else 2, name)
