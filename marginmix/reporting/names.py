"""What tables and figures call the methods and measures, and in which order methods come."""

BASELINE = "mixmatch"
TREATMENT = "marginmix"
METHOD_TITLES = {BASELINE: "MixMatch", TREATMENT: "MarginMix"}
METRICS = {"error_percent": "test error in percent, lower is better", "accuracy_percent": "test accuracy in percent"}


def method_title(method: str) -> str:
    return METHOD_TITLES.get(method, method)


def method_order(name: str) -> tuple[int, str]:
    """Sorts methods: the two that are compared first, then the others by name."""
    return ((BASELINE, TREATMENT).index(name) if name in (BASELINE, TREATMENT) else 2, name)
