"""JAX: an epoch is one compiled loop."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import InvalidArgument, NotRecordable
from ..namespace import Array
from ..programs.record import refusing
from ..programs.watch import Watch
from .base import Backend, Epoch, State, Step, as_it_stands, warn_once


class JAXBackend(Backend):
    """JAX arrays. Asking for float64 switches JAX's 64-bit types on, for the whole process."""

    install = "pip install jax"

    @classmethod
    def open(cls, device: str) -> Backend:
        """Return the backend on JAX's default device, or on "cpu", "gpu", "gpu:1", ..."""
        import jax
        import jax.numpy as xp

        platform, _, number = device.partition(":")
        try:
            place = jax.devices(platform or None)[int(number or 0)]
        except (RuntimeError, IndexError, ValueError) as error:
            raise InvalidArgument(f"backend='jax:{device}': {str(error).splitlines()[0]}") from None
        return cls("jax" + (f":{device}" if device else ""), xp, place)

    @classmethod
    def device_of(cls, array: Array) -> str:
        """Return the device of an array as `open` takes it."""
        return f"{array.device.platform}:{array.device.id}" if array.device.id else ""

    def describe(self) -> tuple[str, int | None]:
        """Return the device's kind, and its memory where JAX says."""
        statistics = self.device.memory_stats() or {}
        return self.device.device_kind.upper(), statistics.get("bytes_limit")

    def dtype(self, name: str) -> Any:
        """Return JAX's floating-point type of that name."""
        import jax

        found = super().dtype(name)
        if found == self.xp.float64:
            jax.config.update("jax_enable_x64", True)
        return found

    def to_numpy(self, array: Array) -> np.ndarray[Any, Any]:
        """Copy an array to the host, where it may be written to; JAX's own view may not."""
        return np.array(array)

    def ran_out_of_memory(self, error: BaseException) -> bool:
        """Whether that is what an error says."""
        return isinstance(error, MemoryError) or "RESOURCE_EXHAUSTED" in str(error)

    def synchronize(self) -> None:
        """Wait for everything that was started."""
        import jax

        jax.block_until_ready(jax.live_arrays())

    def epoch(
        self, step: Step, state: State, epoch: Epoch, compiled: dict[Any, Any]
    ) -> tuple[State, float]:
        """Run the whole batches as one compiled loop, then the smaller one that is left."""
        reads = Watch(step)
        if reads.unrecordable is not None:
            return super().epoch(step, state, epoch, compiled)
        try:
            return self._compiled_epoch(step, state, epoch, compiled, reads)
        except NotRecordable as reason:
            found = super().epoch(step, state, epoch, compiled)
            warn_once(as_it_stands(reason), compiled)
            return found

    def _compiled_epoch(
        self, step: Step, state: State, epoch: Epoch, compiled: dict[Any, Any], reads: Watch
    ) -> tuple[State, float]:
        """Run an epoch, with loops that are kept for the step and for what its functions read."""
        n, dtype = epoch.examples, state[0].dtype
        whole, left = divmod(n, epoch.batch_size)
        order = np.arange(n) if epoch.order is None else epoch.order
        order = self.xp.asarray(order, dtype=self.xp.int32)
        rates = self.xp.asarray(np.asarray(epoch.rates), dtype=dtype)
        keys = self.xp.asarray(epoch.keys)
        cost = self.xp.zeros((), dtype=dtype)
        used: dict[Any, Any] = {"said": compiled["said"]} if "said" in compiled else {}
        for start, steps, size in ((0, whole, epoch.batch_size), (whole, int(left > 0), left)):
            if steps > 0:
                rows = order[start * epoch.batch_size :][: steps * size]
                rows = self.xp.reshape(rows, (steps, size))
                now = slice(start, start + steps)
                arguments = (state, epoch.data, rows, rates[now], keys[now])
                key = (step, reads.state, self.device, _shapes(arguments))
                loop = used[key] = compiled.get(key) or _compile(*key)
                state, added = loop(reads, *arguments)
                cost = cost + added / n
        compiled.clear()  # but for what this network is trained with now
        compiled.update(used)
        return state, float(cost)


class _WithConcatInPlace:
    """`jax.numpy`, with a concat that writes one vector after the other to its place.

    XLA's own, on a CPU, takes for each vector a loop as long as the longest one, in which the
    processor is to leave out what lies beyond. Where that is beyond the memory of the process,
    leaving out takes it many times as long as doing.
    """

    def __init__(self, xp: Any) -> None:
        self._xp = xp

    def __getattr__(self, name: str) -> Any:
        return getattr(self._xp, name)

    def concat(self, arrays: Sequence[Array], *, axis: int | None = 0) -> Array:
        """Join arrays along an axis."""
        import jax

        if any(array.ndim != 1 or array.dtype != arrays[0].dtype for array in arrays):
            return self._xp.concat(arrays, axis=axis)
        joined = self._xp.zeros(sum(array.shape[0] for array in arrays), dtype=arrays[0].dtype)
        start = 0
        for array in arrays:
            joined = jax.lax.dynamic_update_slice(joined, array, (start,))
            start += array.shape[0]
        return joined


def _shapes(arguments: Any) -> Any:
    """Return what JAX compiles for: how the arguments are nested, and the types of the arrays."""
    import jax

    leaves, tree = jax.tree.flatten(arguments)
    return tree, tuple((leaf.shape, leaf.dtype) for leaf in leaves)


#: How many compiled loops are kept for networks to come, of some megabytes each.
_KEPT = 16


class _Loop:
    """A compiled loop over a step, unless the step's functions have a memory or read what moves."""

    def __init__(self, run: Any) -> None:
        self._run, self._has_run, self._refusal = run, False, ""

    def __call__(self, reads: Watch, *arguments: Any) -> Any:
        """Run it; raise NotRecordable where what is compiled is not the step."""
        if self._has_run:
            return self._run(*arguments)
        if self._refusal:
            raise NotRecordable(self._refusal)
        import jax

        try:
            reads.check()
            with refusing():
                found = self._run(*arguments)
            reads.check()
        except (jax.errors.JAXTypeError, jax.errors.JAXIndexError) as error:
            self._refusal = f"{type(error).__name__}: {str(error).splitlines()[0]}".rstrip(".")
            raise NotRecordable(self._refusal) from error
        except NotRecordable as reason:
            self._refusal = str(reason)
            raise
        finally:
            reads.restore()
        self._has_run = True
        return found


@functools.lru_cache(maxsize=_KEPT)
def _compile(step: Step, reads: Any, device: Any, shapes: Any) -> _Loop:
    """Return the loop over a step, a function of its own, so that it goes when nobody holds it.

    It is compiled for the shapes, and for what the step's functions `reads` besides.
    """
    del reads, shapes
    import jax
    import jax.numpy

    xp: Any = _WithConcatInPlace(jax.numpy) if device.platform == "cpu" else jax.numpy

    def run(state: Any, data: Any, rows: Array, rates: Array, keys: Array) -> tuple[Any, Array]:
        def body(carry: Any, what_changes: Any) -> tuple[Any, None]:
            (state, total), (chosen, now, key) = carry, what_changes
            batch = [
                None if array is None else xp.take(array, chosen, axis=0, mode="clip")
                for array in data
            ]
            state, cost = step(state, batch, tuple(now), key, xp)
            return (state, total + cost * chosen.shape[0]), None

        start = (state, xp.zeros((), dtype=state[0].dtype))
        end, _ = jax.lax.scan(body, start, (rows, rates, keys))
        return end  # type: ignore[no-any-return]

    # The state is not donated: writing over the old theta makes the products wait for each other
    return _Loop(jax.jit(run))
