"""Model files: safetensors with a JSON description and a digest; nothing in them is executed.

The tensors are `layers.0.weight`, (n[1], n[0]), `layers.0.bias`, (n[1],), and so on, so that any
reader of safetensors can use them. All else is one JSON string in the file's metadata.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import math
import os
import secrets
from pathlib import Path
from typing import Any

from .activations import ACTIVATIONS
from .backends import Backend, get_backend, host, move
from .errors import DependencyMissing, InvalidArgument
from .losses import LOSSES
from .namespace import Array
from .network import Network
from .version import __version__

#: What this version writes, and the newest it reads.
FORMAT_VERSION = 1

#: A header larger than this is refused before any of it is read.
LARGEST_HEADER = 2**24

_KEY = "agnostic_nn"
_ITEM_SIZE = {"F16": 2, "F32": 4, "F64": 8}
_CODES = {"float16": "F16", "bfloat16": "F32", "float32": "F32", "float64": "F64"}


def save(
    net: Any, path: str | os.PathLike[str], *, preparation: dict[str, Any] | None = None
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

    Raises
    ------
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
        raise InvalidArgument(
            f"net is of type {type(net).__name__}: wanted a Network or a fitted estimator."
        )
    _check_registered(net)
    tensors = _tensors(net)
    description: dict[str, Any] = _description(net) | {"preparation": preparation}
    try:
        text = json.dumps(description, allow_nan=False)
        description = json.loads(text)  # as load will see it: tuples are lists, keys are strings
    except (TypeError, ValueError) as error:
        raise InvalidArgument(f"preparation cannot be written as JSON: {error}.") from error
    description["digest"] = _digest(tensors, description)
    metadata = {_KEY: json.dumps(description, allow_nan=False)}
    if len(metadata[_KEY]) > LARGEST_HEADER // 2:
        raise InvalidArgument(
            f"preparation takes {len(text):,} characters: wanted at most {LARGEST_HEADER // 2:,}."
        )
    write(path, _safetensors().save(tensors, metadata=metadata))


def load(
    path: str | os.PathLike[str],
    *,
    backend: str | Backend | None = None,
    dtype: str | None = None,
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

    Returns
    -------
    Network

    Raises
    ------
    InvalidArgument
        If the file does not exist, is not a model file, is damaged or cut short, comes from a
        later version, or needs an activation or a loss that is not registered.
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
    net, _ = load_with_preparation(path, backend=backend, dtype=dtype)
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
    where = f"path={os.fspath(path)!r}"
    library = _safetensors()
    file = _read(path, where)
    description, header = _describe(file, where)
    net = _network(description, header, backend, dtype, where)
    try:
        tensors = library.load(file)
    except Exception as error:  # the library has an exception of its own
        raise InvalidArgument(f"{where}: the file is damaged ({error}).") from error
    digest = description.pop("digest", None)
    if digest != _digest(tensors, description):
        raise InvalidArgument(f"{where}: the file is damaged: its digest does not fit its content.")
    for name, tensor in tensors.items():
        if not host.all_finite(tensor):
            raise InvalidArgument(f"{where}: {name} holds NaN or infinity: wanted finite numbers.")
    layers = range(net.architecture.depth)
    kinds = ("weight", "bias")
    theta = host.concatenate([tensors[f"layers.{i}.{kind}"] for i in layers for kind in kinds])
    net.theta = net.backend.asarray(theta, net.dtype)
    return net, description.get("preparation")


def write(path: str | os.PathLike[str], content: bytes) -> None:
    """Write a file whole or not at all: beside its place, to the disk, then renamed into place."""
    target = Path(path)
    beside = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        with beside.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(target)
    except OSError as error:
        raise InvalidArgument(
            f"path={os.fspath(path)!r} cannot be written: {error.strerror}."
        ) from error
    finally:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)


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
    # bfloat16 is unknown to the host; float32 holds the same numbers
    name = "float32" if net.dtype_name == "bfloat16" else net.dtype_name
    on_host = get_backend("numpy")
    theta = net.xp.astype(net.theta, getattr(net.xp, name))
    tensors: dict[str, Array] = {}
    layers = net.architecture.unflatten(move(theta, on_host), on_host.xp)
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
    digest = hashlib.sha256(json.dumps(description, sort_keys=True).encode())
    for name, tensor in sorted(tensors.items()):
        digest.update(f"\n{name} {tensor.dtype} {tensor.shape}\n".encode())
        digest.update(tensor.tobytes())
    return digest.hexdigest()


# Reading: nothing is allocated before it is known to fit


def _read(path: str | os.PathLike[str], where: str) -> bytes:
    """Return the file's bytes, once its header's length has been seen to fit."""
    try:
        with Path(path).open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            start = file.read(8)
            length = int.from_bytes(start, "little")
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
            header = file.read(length)
            wanted = 8 + length + _data_size(_parse(header, where), where)
            if wanted != size:
                raise InvalidArgument(
                    f"{where}: the file has {size:,} bytes, and its header says {wanted:,}: "
                    "it is cut short or damaged."
                )
            return start + header + file.read(size - 8 - length)
    except FileNotFoundError:
        raise InvalidArgument(f"{where}: there is no such file.") from None
    except OSError as error:
        raise InvalidArgument(f"{where} cannot be read: {error.strerror}.") from error


def _parse(header: bytes, where: str) -> dict[str, Any]:
    try:
        parsed = json.loads(header)
    except (ValueError, RecursionError):
        parsed = None
    if not isinstance(parsed, dict):
        raise InvalidArgument(f"{where} is not a model file: its header is not JSON.")
    return parsed


def _data_size(header: dict[str, Any], where: str) -> int:
    try:
        ends = [entry["data_offsets"][1] for name, entry in header.items() if name[:2] != "__"]
        return max(map(int, ends), default=0)
    except (KeyError, IndexError, TypeError, ValueError):
        raise InvalidArgument(f"{where} is not a model file: its header is damaged.") from None


def _describe(file: bytes, where: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the description and the header of a file of this format."""
    header = _parse(file[8 : 8 + int.from_bytes(file[:8], "little")], where)
    metadata = header.pop("__metadata__", None)
    text = metadata.get(_KEY) if isinstance(metadata, dict) else None
    if not isinstance(text, str):
        raise InvalidArgument(f"{where} is a safetensors file, but not one of agnostic_nn.")
    description = _parse(text.encode(), where)
    version = description.get("format_version")
    if isinstance(version, int) and version > FORMAT_VERSION:
        raise InvalidArgument(
            f"{where} has format version {version}, written by agnostic_nn "
            f"{description.get('version')}; this version reads up to {FORMAT_VERSION}: "
            "upgrade with: pip install --upgrade agnostic-nn"
        )
    if version != FORMAT_VERSION:
        raise InvalidArgument(
            f"{where}: format_version={version!r}: the file is damaged, wanted {FORMAT_VERSION}."
        )
    return description, header


def _network(
    description: dict[str, Any],
    header: dict[str, Any],
    backend: str | Backend | None,
    dtype: str | None,
    where: str,
) -> Network:
    """Return the network, with zeros for parameters, once the tensors are known to fit it."""
    try:
        *hidden, output = [
            _registered(ACTIVATIONS, "activation", name, where)
            for name in description["activations"]
        ]
        loss = _registered(LOSSES, "loss", description["loss"], where)
        _check_tensors(description, header, where)
        return Network(
            description["widths"],
            loss,
            activation=hidden,
            output=output,
            dropout=description["dropout"],
            l2=description["l2"],
            seed=description["seed"],
            dtype=dtype or description["dtype"],
            backend=backend,
            initializer="zeros",
        )
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        if isinstance(error, InvalidArgument):
            raise
        raise InvalidArgument(f"{where}: the file's description is damaged ({error!r}).") from error


def _check_tensors(description: dict[str, Any], header: dict[str, Any], where: str) -> None:
    """The tensors of the header must be those of the description, before room is made for them."""
    widths, code = description["widths"], _CODES[description["dtype"]]
    wanted: dict[str, list[int]] = {}
    for i, (n_prev, n) in enumerate(itertools.pairwise(widths)):
        wanted |= {f"layers.{i}.weight": [n, n_prev], f"layers.{i}.bias": [n]}
    if set(wanted) != set(header):
        raise InvalidArgument(
            f"{where} holds the tensors {', '.join(sorted(header)) or 'none'}: wanted "
            f"{', '.join(sorted(wanted))}."
        )
    for name, shape in wanted.items():
        entry = header[name]
        if entry["shape"] != shape or entry["dtype"] != code:
            raise InvalidArgument(
                f"{where}: {name} is {entry['dtype']} of shape {entry['shape']}, "
                f"wanted {code} of shape {shape}."
            )
        start, end = entry["data_offsets"]
        if end - start != _ITEM_SIZE[code] * math.prod(shape):
            raise InvalidArgument(f"{where}: the file is damaged: {name} has the wrong size.")


def _registered(known: dict[str, Any], kind: str, name: str, where: str) -> Any:
    if name not in known:
        registry = f"{kind.upper()}S" if kind == "activation" else "LOSSES"
        raise InvalidArgument(
            f"{where} needs the {kind} {name!r}, which is not registered: put it into "
            f"agnostic_nn.{registry}[{name!r}] before loading."
        )
    return known[name]


def _safetensors() -> Any:
    try:
        import safetensors.numpy
    except ImportError:
        raise DependencyMissing(
            'model files need safetensors: pip install "agnostic-nn[save]"'
        ) from None
    return safetensors.numpy
