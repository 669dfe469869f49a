"""What a step costs, by its execution; its kernels; and the host's draws."""

from collections import Counter
from collections.abc import Iterator
from functools import partial

from torch.autograd import DeviceType
from torch.profiler import ProfilerActivity, profile

from benchmarks.gpu_check.checks import MEASURED, Check, Place
from benchmarks.subjects import Subject, fast, synthetic
from benchmarks.timing import seconds, wait_for
from marginmix.training.data import TrainingData
from marginmix.training.draw_supply import BLOCK

COMPARED = ("mixmatch", "marginmix")
MODES = ("eager", "graph", "compiled-graph")
WARM_UP, TIMES = 50, 300
PROFILED = 3
DEAREST = 5


def checks(place: Place) -> Iterator[Check]:
    modes = MODES[:2] if place.quick else MODES  # compiling takes minutes
    data = synthetic(32, 3, device=place.device)
    for method in COMPARED:
        subject = Subject(method, "wrn-28-2", 32, 3, 64, place.precision, "eager")
        for mode in modes if place.on_gpu else MODES[:1]:
            chosen = Subject(**{**vars(subject), "mode": mode})
            yield Check(f"ms a step: {chosen}", MEASURED, partial(_time, place, chosen, data))
        yield Check(f"kernels a step: {subject}", MEASURED, partial(_kernels, place, subject, data))
    yield Check("host: draws a step", MEASURED, partial(_draws, place, data))


def _time(place: Place, subject: Subject, data: TrainingData) -> tuple[str, bool]:
    learner = fast(subject, data)
    tenth = 10 if place.quick else 1
    seconds(learner.step, WARM_UP // tenth, place.device)
    found = 1000 * seconds(learner.step, TIMES // tenth, place.device)
    return f"{found:.2f} ms, {learner.execution.name}", learner.execution.name == subject.mode


def _kernels(place: Place, subject: Subject, data: TrainingData) -> tuple[str, bool]:
    learner = fast(subject, data)
    for _ in range(PROFILED):
        learner.step()
    wait_for(place.device)
    with profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA]) as profiler:
        for _ in range(PROFILED):
            learner.step()
        wait_for(place.device)
    spent: Counter[str] = Counter()
    events = [
        event for event in profiler.events() if event.device_type == DeviceType.CUDA and not event.is_user_annotation
    ]
    for event in events:
        spent[event.name] += event.time_range.elapsed_us()
    dearest = "; ".join(f"{us / PROFILED:.0f} µs {name[:60]}" for name, us in spent.most_common(DEAREST))
    count, busy = len(events) / PROFILED, sum(spent.values()) / PROFILED / 1000
    return f"{count:,.0f}, copies and fills among them, {busy:.2f} ms of the GPU; {dearest}", count > 0


def _draws(place: Place, data: TrainingData) -> tuple[str, bool]:
    supply = fast(Subject("marginmix", "wrn-10-1", 32, 3, 64, "fp32", "eager"), data).supply
    blocks = iter(range(1, 100))
    duration = seconds(lambda: supply.refill(BLOCK * next(blocks)), 2 if place.quick else 8, place.device)
    return f"{1e6 * duration / BLOCK:.0f} µs a step, {1000 * duration:.1f} ms for {BLOCK} steps at once", True
