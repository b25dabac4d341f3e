"""Mutated model files: each is refused with one clear line, or loads as the network it was.

Run on demand, from the repository's root: python tests/fuzz_models.py --count 100000 --seed 0
With --predict, each goes through `agnostic-nn predict` as well, which takes longer.

Every mutation is drawn from (seed, number), so that a finding can be drawn again on its own:
python tests/fuzz_models.py --only 1234 --seed 0
"""

import argparse
import collections
import contextlib
import copy
import io
import json
import multiprocessing
import os
import struct
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np

import agnostic_nn as ann
from agnostic_nn import container, saving

MODELS = Path(__file__).parent / "data" / "models"

#: No file may take longer than this, in seconds of the processor, ...
LONGEST = 1.0

#: ... nor more memory than ten times its size and this, in bytes.
MOST_MEMORY = 2**27

#: What is wrong with a file that was accepted as another model.
OTHER_PREDICTIONS = "printed other predictions"

#: No message may be longer than this.
LONGEST_MESSAGE = 1000

#: What stands in the place of a value in the JSON of a file.
HOSTILE = (
    None, True, False, 0, 1, -1, 2, 0.5, 3.0, 2**31, 2**32 + 1, 2**62, 2**63, 2**64, -(2**63),
    10**30, 10**400, 1e308, "", "x", "0", "1e5", "relu", "softmax", "huber", "F32", "F64", "F16",
    "BF16", "I64", "float32", "float64", "float16", "bfloat16", "\x00", "\ud800", "é" * 50,
    "__class__", "x" * 10_000, "../../etc/passwd", [], {}, [[]], [0, 0], [0, 2**63], [2**63, 0],
    [1, 1], [-1, 5], [2**32, 2**32], [0.0, 4.0], ["0", "4"], [1] * 1000, [10**9, 10**9],
    {"x": 1}, {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]},
)  # fmt: skip

#: What json.dumps does not write.
RAW = (
    b"NaN", b"Infinity", b"-Infinity", b"1e999", b"-1e999", b"1" * 5000, b"[" * 900 + b"]" * 900,
    b"[" * 100_000, b'{"a":' * 995 + b"1" + b"}" * 995, b'"\\ud800"', b'"\xff"', b"0x10", b"01",
    b"'a'", b"{", b"", b"-", b'"\x01"', b'{"a":1,"a":2}',
)  # fmt: skip


def split(content):
    """Return the header's bytes and the data of a file."""
    (length,) = struct.unpack("<Q", content[:8])
    return content[8 : 8 + length], content[8 + length :]


def join(header, data):
    return struct.pack("<Q", len(header)) + header + data


# Mutations: of bytes


def flip_bits(random, content, _):
    content = bytearray(content)
    for _ in range(int(random.integers(1, 9))):
        content[random.integers(len(content))] ^= 1 << int(random.integers(8))
    return bytes(content)


def overwrite(random, content, _):
    start, length = random.integers(len(content)), int(random.integers(1, 33))
    kind = random.integers(4)
    patch = (random.bytes(length), b"\0" * length, b"\xff" * length, b'{"[]},:0'[:length])[kind]
    return content[:start] + patch + content[start + length :]


def truncate(random, content, _):
    return content[: random.integers(len(content))]


def extend(random, content, _):
    return content + random.bytes(int(random.integers(1, 100)))


def cut_out(random, content, _):
    start = random.integers(len(content))
    return content[:start] + content[start + random.integers(1, 100) :]


def repeat(random, content, _):
    start = random.integers(len(content))
    stop = start + random.integers(1, 100)
    return content[:stop] + content[start:stop] + content[stop:]


def splice(random, content, others):
    other = others[random.integers(len(others))]
    return content[: random.integers(len(content))] + other[random.integers(len(other)) :]


def exchange_parts(random, content, others):
    return join(split(content)[0], split(others[random.integers(len(others))])[1])


def header_length(random, content, _):
    lengths = (0, 1, 2, 7, 8, len(content), len(content) - 8, 2**24, 2**24 + 1, 2**63, 2**64 - 1)
    if random.integers(2):
        return struct.pack("<Q", lengths[random.integers(len(lengths))]) + content[8:]
    (length,) = struct.unpack("<Q", content[:8])
    return struct.pack("<Q", max(0, length + int(random.integers(-20, 20)))) + content[8:]


def noise(random, content, _):
    return random.bytes(int(random.integers(0, 2000)))


# Mutations: of the JSON


def places(value, path=()):
    """Return where each value in a tree of JSON is."""
    yield path
    items = list(enumerate(value)) if isinstance(value, list) else []
    for key, inner in value.items() if isinstance(value, dict) else items:
        yield from places(inner, (*path, key))


def edited(random, tree):
    """Return JSON with one to three values changed, taken away, exchanged or doubled."""
    raw = {}
    for _ in range(int(random.integers(1, 4))):
        paths = [path for path in places(tree) if path]
        if not paths:
            break
        *way, key = paths[random.integers(len(paths))]
        inner = tree
        for step in way:
            inner = inner[step]
        kind = random.integers(8)
        if kind < 4:
            inner[key] = copy.deepcopy(HOSTILE[random.integers(len(HOSTILE))])
        elif kind == 4:
            raw[f"raw{len(raw)}"] = RAW[random.integers(len(RAW))]
            inner[key] = f"raw{len(raw) - 1}"
        elif kind == 5:
            del inner[key]
        elif kind == 6 and isinstance(inner, dict):
            names = ("x", "layers.0.weight", "layers.9.bias", "training", "training.x", "", "__x")
            inner[names[random.integers(len(names))]] = inner.pop(key)
        elif isinstance(inner, dict):  # the same name twice, with another value
            raw[f"raw{len(raw)}"] = (
                json.dumps(inner[key])
                + f",{json.dumps(key)}:"
                + json.dumps(random.integers(2).item())
            ).encode()
            inner[key] = f"raw{len(raw) - 1}"
        else:
            inner.append(inner[key])
    text = json.dumps(tree).encode()
    for name, value in raw.items():
        text = text.replace(f'"{name}"'.encode(), value)
    return text


def edit_header(random, content, _):
    header, data = split(content)
    return join(edited(random, json.loads(header)), data)


def _with_description(content, change):
    header, data = split(content)
    header = json.loads(header)
    text = change(json.loads(header["__metadata__"]["agnostic_nn"]))
    header["__metadata__"]["agnostic_nn"] = text.decode("utf-8", "surrogateescape")
    return join(json.dumps(header).encode(), data)


def edit_description(random, content, _):
    return _with_description(content, lambda description: edited(random, description))


def reformat(random, content, _):
    """The same JSON, written another way: this may load."""
    header, data = split(content)
    return join(json.dumps(json.loads(header), indent=int(random.integers(3))).encode(), data)


def edit_and_sign(random, content, _):
    """A digest that fits: it is no signature, so whoever edits a file can make one."""

    def change(description):
        text = edited(random, description)
        try:
            description = json.loads(text)
            description.pop("digest", None)
            file = Path(_folder(), "signed")
            file.write_bytes(content)
            _, _, tensors = saving.decode(file)
            description["digest"] = container.digest_of(tensors, description)
            return json.dumps(description).encode()
        except (ValueError, AttributeError, RecursionError):
            return text

    return _with_description(content, change)


def large(random, content, _):
    """A header of the largest size, full of what makes JSON slow and large."""
    units = (b"[],", b"{},", b"1.5,", b"[1],", b'"ab",', b'{"a":1},', b"[[", b" ", b'"\\u00e9",')
    unit = units[random.integers(len(units))]
    size = 2 ** int(random.integers(14, 25)) - 100
    return join(b'{"x":[' + unit * (size // len(unit)) + b"1]}", b"")


def deep(random, content, _):
    """A network of many layers, whose tensors all lie in the same place, or do not."""
    depth, apart = int(10 ** random.uniform(0, 4.3)), bool(random.integers(2))
    width = int(10 ** random.uniform(0, 9 if not apart else 0.5))
    header, start = {}, 0
    for i in range(depth):
        for kind, shape in (("weight", [width, width]), ("bias", [width])):
            end = start + 4 * int(np.prod(shape, dtype=object))
            offsets = [start, end] if apart else [0, 4 * width * width]
            header[f"layers.{i}.{kind}"] = {"dtype": "F32", "shape": shape, "data_offsets": offsets}
            start = end
    description = {
        "format_version": 1, "version": "0", "widths": [width] * (depth + 1),
        "activations": ["relu"] * depth, "loss": "huber", "dropout": [0.0] * (depth - 1),
        "l2": 0.0, "seed": 0, "dtype": "float32", "preparation": None, "digest": "x",
    }  # fmt: skip
    header["__metadata__"] = {"agnostic_nn": json.dumps(description)}
    text = json.dumps(header).encode()
    return join(text, b"\0" * (start if apart else 100))


#: Each with how often it is taken.
MUTATIONS = {
    flip_bits: 20, overwrite: 10, truncate: 8, extend: 2, cut_out: 5, repeat: 5, splice: 8,
    exchange_parts: 2, header_length: 4, noise: 2, edit_header: 20, edit_description: 20,
    reformat: 2, edit_and_sign: 20, large: 0.05, deep: 0.05,
}  # fmt: skip


# Judging


def originals():
    """Return the model files that NumPy can hold, as bytes and as networks."""
    files = [file for file in sorted(MODELS.glob("*.safetensors")) if "bfloat16" not in file.name]
    return [file.read_bytes() for file in files], [_identity(saving.load(file)) for file in files]


def _identity(net):
    return net.objective, net.seed, net.dtype_name, net.theta.tobytes()


def mutate(seed, number, contents):
    """Return what was done, to which file, and what came of it."""
    random = np.random.default_rng([seed, number])
    of = int(random.integers(len(contents)))
    weights = np.fromiter(MUTATIONS.values(), float)
    mutation = list(MUTATIONS)[random.choice(len(weights), p=weights / weights.sum())]
    return mutation.__name__, of, mutation(random, contents[of], contents)


_FOLDERS = {}


def _folder():
    """A folder of this process, in memory where there is one."""
    pid = os.getpid()
    if pid not in _FOLDERS:
        memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        _FOLDERS[pid] = tempfile.TemporaryDirectory(dir=memory)
    return _FOLDERS[pid].name


def _peak():
    """The most memory this process had since `_forget_peak`, in bytes; 0 where that is unknown."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        return 0
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def _forget_peak():
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def judge(kind, of, content, networks):
    """Load a mutated file; return what came of it, and what is wrong with that or None."""
    file = Path(_folder(), "m")
    file.write_bytes(content)
    _forget_peak()
    before, began = _peak(), time.process_time()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            net = saving.load(file, training=True)
        outcome, wrong = "loaded", None
        if kind != "edit_and_sign" and _identity(net) not in networks:
            wrong = "loaded as another network"
    except ann.InvalidArgument as error:
        outcome, message = "refused", str(error)
        wrong = None
        if len(message) > LONGEST_MESSAGE or "\n" in message or str(file) not in message:
            wrong = f"message of {len(message)} characters: {message[:200]!r}"
    except BaseException as error:  # also what Rust raises
        outcome, wrong = "crashed", f"{type(error).__name__}: {str(error)[:200]}"
    took, grew = time.process_time() - began, _peak() - before
    if took > LONGEST:
        wrong = f"took {took:.2f} s"
    if grew > MOST_MEMORY + 10 * len(content):
        wrong = f"took {grew / 2**20:.0f} MiB for a file of {len(content):,} bytes"
    return outcome, wrong, took, grew


def predict(content, table, expected):
    """Run `agnostic-nn predict` on a mutated file; return what is wrong with it, or None."""
    file = Path(_folder(), "m.safetensors")
    file.write_bytes(content)
    out, error = _stream(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(error):
        try:
            _command_line(["predict", str(file), str(table)])
        except SystemExit as exit_:
            code = exit_.code
        except BaseException as failure:
            return f"{type(failure).__name__}: {failure}"
    line, printed = error.getvalue(), _printed(out)
    if code == 0:
        return None if printed == expected else OTHER_PREDICTIONS
    if code != 2 or printed or line.count("\n") != 1 or "agnostic-nn: error: " not in line:
        return f"exit code {code}, {line[:300]!r}, {printed[:100]!r}"
    return None


def predicted():
    """Return the command line's model and its table, and what `predict` prints of them."""
    table, printed = MODELS.parent / "shop.csv", _stream()
    model = MODELS / "v1-command-line.safetensors"
    with contextlib.redirect_stdout(printed), contextlib.suppress(SystemExit):
        _command_line(["predict", str(model), str(table)])
    return model.read_bytes(), table, _printed(printed)


def _stream():
    """Return what stands for standard output, to which tables are written in bytes."""
    return io.TextIOWrapper(io.BytesIO(), encoding="utf-8")


def _printed(stream):
    stream.flush()
    return stream.buffer.getvalue().decode()


def _command_line(arguments):
    from agnostic_nn.cli import main

    main(arguments)


def judge_prediction(seed, number, original):
    """Run `predict` on a mutated file; return what was done to it, and what is wrong or None."""
    model, table, expected = original
    kind, _, content = mutate(seed, number, [model])
    wrong = predict(content, table, expected)
    # whoever makes a digest writes a model of their own, and its preparation
    return kind, None if kind == "edit_and_sign" and wrong == OTHER_PREDICTIONS else wrong


def _work(job):
    seed, numbers, predicts = job
    with contextlib.suppress(ImportError):  # not on every system
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (2**32, 2**32))
    contents, networks = originals()
    original = predicted() if predicts else None
    saving.load(MODELS / "v1-classes.safetensors")  # what is loaded once is loaded by now
    counts, found, worst = collections.Counter(), [], [0.0, 0]
    for number in numbers:
        kind, of, content = mutate(seed, number, contents)
        outcome, wrong, took, grew = judge(kind, of, content, networks)
        counts[kind, outcome] += 1
        worst = [max(worst[0], took), max(worst[1], grew)]
        if wrong:
            found.append((number, kind, wrong))
        if predicts:
            kind, wrong = judge_prediction(seed, number, original)
            if wrong:
                found.append((number, f"{kind}, predict", wrong))
    return counts, found, worst


def run(count, seed, processes, predicts=False):
    """Judge mutations shared out to processes; return counts, findings, and the worst of each."""
    step = 500
    jobs = [(seed, range(at, min(at + step, count)), predicts) for at in range(0, count, step)]
    counts, found, worst = collections.Counter(), [], [0.0, 0]
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        for part, findings, extremes in pool.imap_unordered(_work, jobs):
            counts += part
            found += findings
            worst = [max(pair) for pair in zip(worst, extremes, strict=True)]
    return counts, sorted(found), worst


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    parser.add_argument("--only", type=int, help="one mutation, by its number")
    parser.add_argument("--predict", action="store_true")
    options = parser.parse_args()
    if options.only is not None:
        contents, networks = originals()
        kind, of, content = mutate(options.seed, options.only, contents)
        print(kind, of, len(content), judge(kind, of, content, networks))
        print(content[:500])
        return
    began = time.perf_counter()
    counts, found, (took, grew) = run(
        options.count, options.seed, options.processes, options.predict
    )
    for (kind, outcome), number in sorted(counts.items()):
        print(f"{kind:18} {outcome:8} {number:7,}")
    for number, kind, wrong in found:
        print(f"FOUND {number} {kind}: {wrong}")
    print(
        f"{options.count:,} files in {time.perf_counter() - began:.0f} s: {len(found)} findings; "
        f"the slowest took {took:.2f} s, the largest {grew / 2**20:.0f} MiB"
    )
    raise SystemExit(bool(found))


if __name__ == "__main__":
    main()
