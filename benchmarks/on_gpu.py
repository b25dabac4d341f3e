"""What a GPU does in a training step: launches, kernels, the products among them, and memory."""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

#: What the kernels of products are called by cuBLAS, CUTLASS, XLA and Triton.
PRODUCT = re.compile("gemm|gemv|nvjet|cutlass|xmma|triton_tem|splitk", re.IGNORECASE)

#: What the calls are named that bring work to the device; one of a graph brings many kernels.
LAUNCH = re.compile("cu(da)?(LaunchKernel|GraphLaunch)")

#: What is moved or filled is no kernel of a step.
MOVED = re.compile("memcpy|memset", re.IGNORECASE)

#: So many kernels are named, those that take longest.
NAMED = 5


class Event(NamedTuple):
    """Something a profiler saw: a call of the host, or what the device did."""

    name: str
    on_device: bool
    seconds: float


def step_of(run: Callable[[int], Any], steps: int) -> dict[str, Any]:
    """Return what the device does in a step, from a run of so many of them that is watched."""
    try:
        events = list(_watched(run))
    except Exception as error:  # a profiler needs rights that not every machine gives
        return {"why not": f"{type(error).__name__}: {(str(error) or '-').splitlines()[0]}"}
    return summed(events, steps)


def summed(events: Iterable[Event], steps: int) -> dict[str, Any]:
    """Return what events come to in one of so many steps."""
    launches, moved = 0, 0
    seconds: Counter[str] = Counter()
    kernels: Counter[str] = Counter()
    for event in events:
        if not event.on_device:
            launches += bool(LAUNCH.match(event.name))
        elif MOVED.search(event.name):
            moved += 1
        else:
            kernels[event.name] += 1
            seconds[event.name] += event.seconds
    if not kernels:
        return {"why not": "the profiler saw no kernels"}
    return {
        "launches": launches / steps,
        "kernels": kernels.total() / steps,
        "copies": moved / steps,
        "kernel seconds": seconds.total() / steps,
        "product seconds": sum(s for name, s in seconds.items() if PRODUCT.search(name)) / steps,
        "longest": [
            {"kernel": name[:120], "seconds": s / steps, "times": kernels[name] / steps}
            for name, s in seconds.most_common(NAMED)
        ],
    }


def _watched(run: Callable[[int], Any]) -> Iterator[Event]:
    """Run once under PyTorch's profiler, which sees the kernels of every library."""
    from torch.autograd import DeviceType
    from torch.profiler import ProfilerActivity, profile

    with profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA]) as seen:
        run(1)
    for event in seen.events():
        if event.is_user_annotation:  # a name for many kernels, which the device lists as well
            continue
        on_device = event.device_type != DeviceType.CPU
        yield Event(event.name, on_device, event.time_range.elapsed_us() * 1e-6)


def memory_in_use(*, release: bool) -> int | None:
    """Return how much of the GPU's memory is taken, in bytes; None without a GPU.

    With `release`, libraries first give back what they keep for later; JAX cannot.
    """
    cupy, torch = sys.modules.get("cupy"), sys.modules.get("torch")
    asked = None
    if cupy is not None and cupy.cuda.is_available():
        asked = cupy.cuda.runtime.memGetInfo
        if release:
            cupy.get_default_memory_pool().free_all_blocks()
    if torch is not None and torch.cuda.is_available():
        asked = asked or torch.cuda.mem_get_info
        if release:
            torch.cuda.empty_cache()
    if asked is None:
        return None
    free, there = asked()
    return int(there - free)
