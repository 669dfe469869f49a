"""Properties that hold for any input, tried on many by Hypothesis: the same ones each time, so a failure repeats."""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "same", max_examples=60, deadline=None, derandomize=True, database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
settings.load_profile("same")
