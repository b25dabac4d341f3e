"""Dropout masks that depend on (seed, epoch, step, layer) alone: the same bits on every backend.

The generator is Threefry-2x32 (Salmon, Moraes, Dror & Shaw, "Parallel random numbers: as easy
as 1, 2, 3", SC 2011): a function of a key and a counter, without a state, so masks are made
where the data is and training resumes at any step. It runs the 13 rounds that its authors found
to pass every test of BigCrush; their default of 20 costs half as much again. It is written in
int32, whose sum wraps around and whose bit operations exist in every library of the standard.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .layer import Mask
from .namespace import Array, Namespace
from .schedules import Schedule

_ROTATIONS = (13, 15, 26, 6, 17, 29, 16, 24)
_PARITY = 0x1BD11BDA

#: Of 2**16 units this leaves two, whose factor 2**15 is the largest that float16 holds.
LARGEST_RATE = 1.0 - 2.0**-15


def threefry_2x32(
    key: tuple[Array, Array], counter: tuple[Array, Array], rounds: int = 13
) -> tuple[Array, Array]:
    """Encrypt the counter with the key: two int32 arrays in, two int32 arrays out.

    Parameters
    ----------
    key, counter : tuple of two int32 arrays
        Of at least one dimension each, so that sums wrap without a warning; broadcast together.
    rounds : int, default 13
        How often the two words are mixed.

    Returns
    -------
    tuple of two int32 arrays
        64 random bits for each counter.

    Examples
    --------
    >>> import numpy as np
    >>> zero = np.zeros(1, dtype=np.int32)
    >>> x0, x1 = threefry_2x32((zero, zero), (zero, zero))  # the authors' test vector
    >>> hex(x0.view(np.uint32)[0]), hex(x1.view(np.uint32)[0])
    ('0x9d1c5ec6', '0x8bd50731')
    """
    keys = (*key, key[0] ^ key[1] ^ _PARITY)
    x0, x1 = counter[0] + keys[0], counter[1] + keys[1]
    for i in range(rounds):
        bits = _ROTATIONS[i % 8]
        x0 = x0 + x1
        # the right shift of a negative int32 fills with ones, which the mask takes away
        x1 = (x1 << bits) | ((x1 >> (32 - bits)) & ((1 << bits) - 1))
        x1 = x1 ^ x0
        if i % 4 == 3:
            injection = i // 4 + 1
            x0 = x0 + keys[injection % 3]
            x1 = x1 + (keys[(injection + 1) % 3] + injection)
    return x0, x1


def step_keys(seed: int, epoch: int, steps: Array, xp: Namespace) -> Array:
    """Derive a key for every step of an epoch, from which all its masks are drawn.

    Parameters
    ----------
    seed : int
        Of the network, below 2**64: both of its 32-bit words count.
    epoch : int
        The number of the epoch, from 0.
    steps : int32 array, shape (n,)
        The numbers of its steps.
    xp : namespace
        The array namespace of `steps`.

    Returns
    -------
    int32 array, shape (n, 2)

    Examples
    --------
    >>> import numpy as np
    >>> step_keys(5, 0, np.arange(3, dtype=np.int32), np).shape
    (3, 2)
    """
    device = _device(steps)
    low, high, number = (
        xp.full((1,), _as_int32(word), dtype=xp.int32, device=device)
        for word in (seed, seed >> 32, epoch)
    )
    return xp.stack(threefry_2x32((low, high), (number + 0 * steps, steps)), axis=1)


def units_kept(masks: Sequence[Mask], read: Callable[[Schedule], float]) -> list[int]:
    """Return how many of 2**16 units each mask keeps whose rate follows a schedule.

    A step finds these numbers behind its key.

    Examples
    --------
    >>> from agnostic_nn import FlatCosine
    >>> units_kept([Mask(3, 0.5), Mask(3, FlatCosine(0.25))], lambda schedule: schedule(0.0, 1))
    [49152]
    """
    rates = [read(mask.rate) for mask in masks if isinstance(mask.rate, Schedule)]
    return [round((1.0 - min(rate, LARGEST_RATE)) * 65536) for rate in rates]


def dropout_masks(
    masks: Sequence[Mask], key: Array, like: Array, xp: Namespace
) -> tuple[Array, ...]:
    """Draw what activations are multiplied by: 0, or 1 / (1 - rate).

    Parameters
    ----------
    masks : sequence of Mask
        What the layers want; the rates at most `LARGEST_RATE`, in steps of 2**-16.
    key : int32 array, shape (2 + n,)
        Of the training step: a row of `step_keys`, and of the n masks whose rates follow schedules
        what `units_kept` says.
    like : array, shape (m, ...)
        Whose number of examples, dtype and device the masks take.
    xp : namespace
        Its array namespace.

    Returns
    -------
    tuple of arrays, shapes (width, members * m)
    """
    if not masks:
        return ()
    # One draw for all masks: 64 bits make four places of 16 bits. The counter is (place, mask).
    m, device = like.shape[0], _device(like)
    sizes = [mask.width * mask.members * m for mask in masks]
    blocks = [-(-size // 4) for size in sizes]
    places = xp.concat([xp.arange(n, dtype=xp.int32, device=device) for n in blocks])
    numbers = xp.concat(
        [xp.full((n,), i, dtype=xp.int32, device=device) for i, n in enumerate(blocks)]
    )
    x0, x1 = threefry_2x32((key[0:1], key[1:2]), (places, numbers))
    drawn, start, moving = [], 0, 2
    for mask, size, n in zip(masks, sizes, blocks, strict=True):
        words = [x[start : start + n] for x in (x0, x1)]
        start += n
        halves = xp.concat([half for x in words for half in (x & 0xFFFF, (x >> 16) & 0xFFFF)])
        if isinstance(mask.rate, Schedule):
            kept, moving = key[moving : moving + 1], moving + 1
            scale = xp.astype(65536.0 / xp.astype(kept, xp.float32), like.dtype)
        else:
            kept = round((1.0 - mask.rate) * 65536)
            scale = 65536 / kept
        array = xp.astype(halves[:size] < kept, like.dtype) * scale
        drawn.append(xp.reshape(array, (mask.width, -1)))
    return tuple(drawn)


def _device(array: Array) -> object:
    """Where an array is, as creation functions take it; None where the namespace decides."""
    return getattr(array, "device", None)


def _as_int32(value: int) -> int:
    """Return the low 32 bits as a signed number."""
    return (value + 2**31) % 2**32 - 2**31
