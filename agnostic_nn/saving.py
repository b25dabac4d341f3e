"""Model files: safetensors with a JSON description and a digest; nothing in them is executed.

The tensors are `layers.0.weight`, (n[1], n[0]), `layers.0.bias`, (n[1],), and so on, so that any
reader of safetensors can use them; what an optimizer remembers is under names of its own beside
them. All else is one JSON string in the file's metadata.
"""

from __future__ import annotations

import contextlib
import itertools
import math
import os
import stat
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from .activations import ACTIVATIONS
from .backends import Backend, get_backend, host
from .checks import check_flag, look_up_stored
from .errors import (
    AgnosticNNError,
    DependencyMissing,
    InvalidArgument,
    InvalidType,
    OutOfMemory,
    shown,
)
from .installing import install_line
from .losses import LOSSES
from .namespace import Array
from .network import Network, on_host
from .training_state import PREFIX, Training
from .version import __version__

if TYPE_CHECKING:
    from pathlib import Path  # at run time where it is used: the import of the package is light

#: What this version writes, and the newest it reads.
FORMAT_VERSION = 1

#: A header larger than this is refused before any of it is read.
LARGEST_HEADER = 2**24

#: As is one with more commas and brackets than this: they are what makes JSON slow and large.
MOST_ENTRIES = 2**20

#: And a file with more layers than this.
MOST_LAYERS = 10_000

_KEY = "agnostic_nn"
_ITEM_SIZE = {"F16": 2, "F32": 4, "F64": 8}
_CODES = {"float16": "F16", "bfloat16": "F32", "float32": "F32", "float64": "F64"}


def save(
    net: Any,
    path: str | os.PathLike[str],
    *,
    preparation: dict[str, Any] | None = None,
    training: bool = False,
) -> None:
    """Write a network to a safetensors file, whole or not at all.

    Parameters
    ----------
    net : Network or fitted estimator
        The network, or an estimator whose `network_` it is.
    path : str or path
        The file; an existing one is replaced in one step, once the new one is complete.
    preparation : dict, optional
        How data is made ready for the network, or whatever else should travel with it, in terms
        of JSON.
    training : bool, default False
        Whether the optimizer, what it remembers and the history travel along, so that `train`
        goes on with the network that ``load(path, training=True)`` returns as with this one.

    Raises
    ------
    InvalidType
        If an argument is of another kind than described.
    InvalidArgument
        If the network's parameters are not finite, if the preparation is not JSON, or if the
        file cannot be written.
    DependencyMissing
        If safetensors is not installed.

    Examples
    --------
    >>> import tempfile
    >>> net = Network([2, 3, 1], "squared_error")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(net, f"{folder}/model.safetensors")
    ...     load(f"{folder}/model.safetensors")
    Network([2, 3, 1], relu, identity; squared_error; float32 on numpy)
    """
    net = getattr(net, "network_", net)
    if not isinstance(net, Network):
        raise InvalidType(
            f"net is of type {type(net).__name__}: wanted a Network or a fitted estimator."
        )
    check_flag("training", training)
    tensors: dict[str, Array] = {}
    more: dict[str, Any] = {} if preparation is None else {"preparation": preparation}
    if training and net.training is not None:
        tensors, more["training"] = net.training.pack(net)
    write(path, encode(net, tensors, **more))


def encode(net: Network, tensors: dict[str, Array] | None = None, **more: Any) -> bytes:
    """Return the bytes of a network's file, with more tensors of the host and more description."""
    import json

    _check_registered(net)
    if net.architecture.depth > MOST_LAYERS:
        raise InvalidArgument(
            f"net has {net.architecture.depth:,} layers: wanted at most {MOST_LAYERS:,}."
        )
    tensors = _tensors(net) | (tensors or {})
    description: dict[str, Any] = _description(net) | more
    what = next(iter(more), "description")
    try:
        text = json.dumps(description, allow_nan=False)
        description = json.loads(text)  # as load will see it: tuples are lists, keys are strings
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidArgument(f"{what} cannot be written as JSON: {error}.") from error
    description["digest"] = _digest(tensors, description)
    metadata = {_KEY: json.dumps(description, allow_nan=False)}
    if len(metadata[_KEY]) > LARGEST_HEADER // 2:
        raise InvalidArgument(
            f"{what} takes {len(text):,} characters: wanted at most {LARGEST_HEADER // 2:,}."
        )
    content: bytes = _safetensors().save(tensors, metadata=metadata)
    length = int.from_bytes(content[:8], "little")
    if length > LARGEST_HEADER or _entries(content[8 : 8 + length]) > MOST_ENTRIES:
        raise InvalidArgument(f"{what} has too many entries: more than `load` would take.")
    return content


def load(
    path: str | os.PathLike[str],
    *,
    backend: str | Backend | None = None,
    dtype: str | None = None,
    training: bool = False,
) -> Network:
    """Read a network that `save` wrote.

    Parameters
    ----------
    path : str or path
        The file.
    backend : str or Backend, optional
        Where the network will live; see `get_backend`.
    dtype : str, optional
        The type of every number; left out, the one it was saved with.
    training : bool, default False
        Whether `train` is to go on where it stood, where the file says that.

    Returns
    -------
    Network

    Raises
    ------
    InvalidArgument
        If the file does not exist, is not a model file, is damaged or cut short, comes from a
        later version, or needs an activation, a loss, or for training an optimizer or a
        schedule, that is not registered.
    BackendUnavailable
        If the backend cannot be used here.
    DependencyMissing
        If safetensors is not installed.

    Examples
    --------
    >>> load("nowhere.safetensors")
    Traceback (most recent call last):
        ...
    agnostic_nn.errors.InvalidArgument: path='nowhere.safetensors': there is no such file.
    """
    check_flag("training", training)
    net, _, _ = decode(path, backend=backend, dtype=dtype, training=training)
    return net


def load_with_preparation(
    path: str | os.PathLike[str],
    *,
    backend: str | Backend | None = None,
    dtype: str | None = None,
) -> tuple[Network, dict[str, Any] | None]:
    """Read a network, and the preparation that was saved with it.

    Parameters
    ----------
    path, backend, dtype
        As for `load`.

    Returns
    -------
    net : Network
    preparation : dict or None
    """
    net, description, _ = decode(path, backend=backend, dtype=dtype)
    return net, description.get("preparation")


def describe(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return the description in a network's file, before its digest has been looked at."""
    where = where_is(path)
    _, header = _read(path, where, tensors=False)
    return _describe(header, where)


def decode(
    path: str | os.PathLike[str],
    *,
    backend: str | Backend | None = None,
    dtype: str | None = None,
    training: bool = False,
) -> tuple[Network, dict[str, Any], dict[str, Array]]:
    """Read a network's file: the network, the description, and all tensors by name."""
    where = where_is(path)
    try:
        return _decode(path, backend, dtype, training, where)
    except MemoryError as error:
        raise OutOfMemory(f"{where}: there is too little memory for the file.") from error


def _decode(
    path: str | os.PathLike[str],
    backend: str | Backend | None,
    dtype: str | None,
    training: bool,
    where: str,
) -> tuple[Network, dict[str, Any], dict[str, Array]]:
    library = _safetensors()
    file, header = _read(path, where)
    description = _describe(header, where)
    net = _network(description, header, backend, dtype, where)
    try:
        tensors = library.load(file)
    except Exception as error:  # the library has an exception of its own
        raise InvalidArgument(f"{where}: the file is damaged ({shown(error)}).") from error
    if not _has_digest(description.pop("digest", None), tensors, description):
        raise InvalidArgument(f"{where}: the file is damaged: its digest does not fit its content.")
    for name, tensor in tensors.items():
        # what an optimizer remembers may well be infinite: a squared gradient in float16
        if not (name.startswith(PREFIX) or host.all_finite(tensor)):
            raise InvalidArgument(f"{where}: {name} holds NaN or infinity: wanted finite numbers.")
    layers = range(net.architecture.depth)
    kinds = ("weight", "bias")
    theta = host.concatenate([tensors[f"layers.{i}.{kind}"] for i in layers for kind in kinds])
    if not host.fits(theta, net.dtype_name):
        raise InvalidArgument(f"{where} holds numbers too large for dtype={net.dtype_name!r}.")
    net.theta = net.backend.asarray(theta, net.dtype)
    if training and "training" in description:
        with taking_apart(where):
            net.training = Training.unpack(net, tensors, description["training"], where)
    return net, description, tensors


def write(path: str | os.PathLike[str], content: bytes) -> None:
    """Write a file whole or not at all: beside its place, to the disk, then renamed into place."""
    import secrets
    from pathlib import Path

    where = where_is(path)
    target = Path(path)
    if not target.name:
        raise InvalidArgument(f"{where} cannot be written: it is a folder.")
    beside = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        with beside.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(target)
        _sync_folder(target.parent)
    except OSError as error:
        raise InvalidArgument(f"{where} cannot be written: {error.strerror}.") from error
    finally:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)


def where_is(path: Any, argument: str = "path") -> str:
    """Return what messages call a file, once its name can be one."""
    try:
        name = os.fspath(path)
        possible = isinstance(name, str) and name != "" and b"\0" not in os.fsencode(name)
    except TypeError:
        raise InvalidType(f"{argument}={shown(path)}: wanted the name of a file.") from None
    except UnicodeError:
        possible = False
    if not possible:
        raise InvalidArgument(f"{argument}={shown(path)}: wanted the name of a file.")
    return f"{argument}={name!r}"


def _sync_folder(folder: Path) -> None:
    """Bring a renaming to the disk; where folders cannot be opened, that is the system's affair."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


# Writing


def _check_registered(net: Network) -> None:
    """Refuse what would be read back as something else."""
    uses: list[tuple[dict[str, Any], Any]] = [
        *((ACTIVATIONS, g) for g in net.architecture.activations),
        (LOSSES, net.architecture.loss),
    ]
    for known, used in uses:
        if known.get(used.name, used) != used:
            raise InvalidArgument(
                f"net uses a {type(used).__name__} of its own called {used.name!r}, and another "
                "one is registered under that name: give it a name of its own."
            )


def _tensors(net: Network) -> dict[str, Array]:
    tensors: dict[str, Array] = {}
    layers = net.architecture.unflatten(on_host(net, net.theta), get_backend("numpy").xp)
    for i, (W, b) in enumerate(layers):
        tensors |= {f"layers.{i}.weight": W, f"layers.{i}.bias": b.reshape(-1)}
    for key, tensor in tensors.items():
        if not host.all_finite(tensor):
            raise InvalidArgument(
                f"net cannot be saved: {key} holds NaN or infinity, as after training that "
                "diverged."
            )
    return tensors


def _description(net: Network) -> dict[str, Any]:
    architecture = net.architecture
    return {
        "format_version": FORMAT_VERSION,
        "version": __version__,
        "widths": list(architecture.widths),
        "activations": [g.name for g in architecture.activations],
        "loss": architecture.loss.name,
        "dropout": list(architecture.dropout[:-1]),
        "l2": architecture.l2,
        "seed": net.seed,
        "dtype": net.dtype_name,
    }


def _digest(tensors: dict[str, Array], description: dict[str, Any]) -> str:
    """SHA-256 over the description and every tensor with its name, type and shape."""
    import hashlib
    import json

    digest = hashlib.sha256(json.dumps(description, sort_keys=True).encode())
    for name, tensor in sorted(tensors.items()):
        digest.update(f"\n{name} {tensor.dtype} {tensor.shape}\n".encode())
        digest.update(tensor.tobytes())
    return digest.hexdigest()


def _has_digest(digest: Any, tensors: dict[str, Array], description: dict[str, Any]) -> bool:
    try:
        return bool(digest == _digest(tensors, description))
    except RecursionError:  # what could just be read may be too deep to be written
        return False


# Reading: nothing is allocated before it is known to fit


def _read(
    path: str | os.PathLike[str], where: str, *, tensors: bool = True
) -> tuple[bytes, dict[str, Any]]:
    """Return the file's bytes and its header, once the sizes in it have been seen to fit.

    Without `tensors`, only the header is read from the disk, and no bytes are returned.
    """
    from pathlib import Path

    try:
        if not stat.S_ISREG(Path(path).stat().st_mode):  # a pipe would be waited for
            raise InvalidArgument(f"{where} cannot be read: it is not a file.")
        with Path(path).open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            length = int.from_bytes(file.read(8), "little")
            if size < 8:
                raise InvalidArgument(
                    f"{where}: the file has {size} bytes: it is cut short, or no model file."
                )
            if length > LARGEST_HEADER:
                raise InvalidArgument(
                    f"{where} is not a model file: its header would take {length:,} bytes, "
                    f"wanted at most {LARGEST_HEADER:,}."
                )
            if length > size - 8:
                raise InvalidArgument(
                    f"{where}: the file is cut short: its header takes {length:,} bytes, "
                    f"and it has {size:,}."
                )
            header = _parse(file.read(length), where)
            wanted = 8 + length + _data_size(header, where)
            if wanted != size:
                raise InvalidArgument(
                    f"{where}: the file has {size:,} bytes, and its header says {wanted:,}: "
                    "it is cut short or damaged."
                )
            file.seek(0)
            return file.read(size if tensors else 0), header
    except FileNotFoundError:
        raise InvalidArgument(f"{where}: there is no such file.") from None
    except OSError as error:
        raise InvalidArgument(f"{where} cannot be read: {error.strerror}.") from error


def _entries(text: bytes) -> int:
    """How many values JSON may have, at most."""
    return sum(map(text.count, (b",", b"[", b"{")))


def _parse(text: bytes | str, where: str) -> dict[str, Any]:
    import json

    try:
        encoded = text if isinstance(text, bytes) else text.encode()
        if _entries(encoded) > MOST_ENTRIES:
            raise ValueError("too many entries")
        parsed = json.loads(encoded, object_pairs_hook=_distinct, parse_constant=_constant)
    except (ValueError, RecursionError):
        parsed = None
    if not isinstance(parsed, dict):
        raise InvalidArgument(f"{where} is not a model file: its header is not JSON of ours.")
    return parsed


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a name that occurs twice: readers differ in which value they take."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name occurs twice")
    return found


def _constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _data_size(header: dict[str, Any], where: str) -> int:
    """Return how many bytes the tensors take, which lie end to end."""
    total = last = 0
    try:
        for name, entry in header.items():
            if name != "__metadata__":
                start, end = entry["data_offsets"]
                if not (type(start) is type(end) is int and 0 <= start <= end < 2**63):
                    raise ValueError
                total, last = total + end - start, max(last, end)
    except (KeyError, TypeError, ValueError):
        total = -1
    if total != last:  # were they to overlap, a small file would take much memory
        raise InvalidArgument(f"{where} is not a model file: its header is damaged.")
    return total


def _describe(header: dict[str, Any], where: str) -> dict[str, Any]:
    """Return the description in the header of a file of this format."""
    metadata = header.get("__metadata__")
    text = metadata.get(_KEY) if isinstance(metadata, dict) else None
    if not isinstance(text, str):
        raise InvalidArgument(f"{where} is a safetensors file, but not one of agnostic_nn.")
    description = _parse(text, where)
    version = description.get("format_version")
    if isinstance(version, int) and version > FORMAT_VERSION:
        raise InvalidArgument(
            f"{where} has format version {shown(version)}, written by agnostic_nn "
            f"{shown(description.get('version'))}; this version reads up to {FORMAT_VERSION}: "
            "wanted a later agnostic_nn."
        )
    if version != FORMAT_VERSION:
        raise InvalidArgument(
            f"{where}: format_version={shown(version)}: the file is damaged, "
            f"wanted {FORMAT_VERSION}."
        )
    return description


@contextlib.contextmanager
def taking_apart(where: str) -> Iterator[None]:
    """What goes wrong inside is the fault of the file's description."""
    try:
        yield
    except (
        KeyError,
        TypeError,
        AttributeError,
        ValueError,
        OverflowError,
        RecursionError,
    ) as error:
        ours = isinstance(error, AgnosticNNError)
        if ours and str(error).startswith(where):  # says all there is to say
            raise
        what = f": {error}" if ours else f" ({shown(error)})."
        raise InvalidArgument(f"{where}: the file's description is damaged{what}") from error


def _network(
    description: dict[str, Any],
    header: dict[str, Any],
    backend: str | Backend | None,
    dtype: str | None,
    where: str,
) -> Network:
    """Return the network, with zeros for parameters, once the tensors are known to fit it."""
    with taking_apart(where):
        *hidden, output = [
            look_up_stored(where, "ACTIVATIONS", name, ACTIVATIONS, "the activation ")
            for name in description["activations"]
        ]
        loss = look_up_stored(where, "LOSSES", description["loss"], LOSSES, "the loss ")
        _check_tensors(description, header, where)
        settings = {name: description[name] for name in ("dropout", "l2", "seed")}
        if not len(hidden) == len(settings["dropout"]) == len(description["widths"]) - 2:
            raise ValueError("not one activation and dropout for each layer")
    home = get_backend(backend)
    if dtype is not None:
        home.dtype(dtype)
    elif not hasattr(home.xp, description["dtype"]):
        raise InvalidArgument(
            f"{where} holds {description['dtype']} numbers, which the backend {home.name!r} has "
            "not: load it with dtype='float32'."
        )
    with taking_apart(where):
        return Network(
            description["widths"],
            loss,
            activation=hidden,
            output=output,
            dtype=dtype or description["dtype"],
            backend=backend,
            initializer="zeros",
            **settings,
        )


def _check_tensors(description: dict[str, Any], header: dict[str, Any], where: str) -> None:
    """The tensors of the header must be those of the description, before room is made for them."""
    widths, code = description["widths"], _CODES[description["dtype"]]
    if not isinstance(widths, list) or not all(type(n) is int and n > 0 for n in widths):
        raise TypeError("widths")
    if len(widths) > MOST_LAYERS + 1:
        raise InvalidArgument(
            f"{where} has {len(widths) - 1:,} layers: wanted at most {MOST_LAYERS:,}."
        )
    wanted: dict[str, list[int]] = {}
    for i, (n_prev, n) in enumerate(itertools.pairwise(widths)):
        wanted |= {f"layers.{i}.weight": [n, n_prev], f"layers.{i}.bias": [n]}
    training = "training" in description  # has tensors of its own
    found = {name for name in header if not (training and name.startswith(PREFIX))}
    if found - {"__metadata__"} != set(wanted):
        raise InvalidArgument(
            f"{where} holds the tensors {_names(found - {'__metadata__'})}: wanted "
            f"{_names(wanted)}."
        )
    for name, shape in wanted.items():
        entry = header[name]
        if entry["shape"] != shape or entry["dtype"] != code:
            raise InvalidArgument(
                f"{where}: {name} is {shown(entry['dtype'])} of shape {shown(entry['shape'])}, "
                f"wanted {code} of shape {shape}."
            )
        start, end = entry["data_offsets"]
        if end - start != _ITEM_SIZE[code] * math.prod(shape):
            raise InvalidArgument(f"{where}: the file is damaged: {name} has the wrong size.")


def _names(names: Iterable[str]) -> str:
    first = sorted(names)[:6]
    return (", ".join(shown(name) for name in first) or "none") + ", ..." * (len(first) > 5)


def _safetensors() -> Any:
    try:
        import safetensors.numpy
    except ImportError:
        raise DependencyMissing(f"model files need safetensors: {install_line('save')}") from None
    return safetensors.numpy
