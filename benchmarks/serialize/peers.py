"""Ways of Python for benchmarks/serialize/run.mjs and benchmarks/serialize-onnx.mjs, called as PYTHON peers.py WAY FILE SCRATCH_FILE.

Does one thing once, in this process, and prints {"way": milliseconds} as JSON. Imports and what comes before `yield` are outside the time.
Without arguments it prints the ways that this Python has the packages for.
"""

import importlib.util
import json
import os
import sys
import time


def opened(file, _):
    import numpy  # noqa: F401
    from safetensors import safe_open

    yield
    with safe_open(file, "np") as tensors:
        list(tensors.keys())


def opened_again(file, _):
    from safetensors import safe_open

    for _ in range(100):
        with safe_open(file, "np") as tensors:
            list(tensors.keys())
    yield
    with safe_open(file, "np") as tensors:
        list(tensors.keys())


def numpy_max(file, _):
    from safetensors.numpy import load_file

    yield
    max(float(tensor.max()) for tensor in load_file(file).values())


def torch_max(file, _):
    import torch  # noqa: F401
    from safetensors.torch import load_file

    yield
    max(float(tensor.max()) for tensor in load_file(file).values())


def in_memory(file):
    from safetensors.numpy import load_file

    return load_file(file)


def saved(file, scratch):
    from safetensors.numpy import save_file

    tensors = in_memory(file)
    yield
    save_file(tensors, scratch)


def saved_synced(file, scratch):
    from safetensors.numpy import save_file

    tensors = in_memory(file)
    yield
    save_file(tensors, scratch)
    descriptor = os.open(scratch, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)


def raw_write(file, scratch):
    tensors = in_memory(file)
    yield
    with open(scratch, "wb", buffering=0) as out:
        for tensor in tensors.values():
            out.write(tensor.data)


def unpickled(file, scratch):
    import pickle

    with open(scratch, "wb") as out:
        pickle.dump(in_memory(file), out, protocol=5)
    yield
    with open(scratch, "rb") as source:
        max(float(tensor.max()) for tensor in pickle.load(source).values())


def onnx_loaded(file, _):
    import onnx

    yield
    onnx.load(file)


def onnx_saved(file, scratch):
    import onnx

    model = onnx.load(file)
    yield
    onnx.save(model, scratch)


SAFETENSORS = {
    "Python: safe_open, list": (("safetensors", "numpy"), opened),
    "Python: safe_open, list, after 100 others": (("safetensors", "numpy"), opened_again),
    "Python: safetensors.numpy, max of all": (("safetensors", "numpy"), numpy_max),
    "Python: safetensors.torch, max of all": (("safetensors", "torch"), torch_max),
    "Python: pickle.load, max of all": (("safetensors", "numpy"), unpickled),
    "Python: save_file": (("safetensors", "numpy"), saved),
    "Python: raw write": (("safetensors", "numpy"), raw_write),
    "Python: save_file, fsync": (("safetensors", "numpy"), saved_synced),
}
ONNX = {
    "Python: onnx.load": (("onnx",), onnx_loaded),
    "Python: onnx.save": (("onnx",), onnx_saved),
}


def available(ways):
    return [way for way, (needs, _) in ways.items() if all(importlib.util.find_spec(name) for name in needs)]


if len(sys.argv) < 4:
    print(json.dumps({"safetensors": available(SAFETENSORS), "onnx": available(ONNX)}))
else:
    way, file, scratch = sys.argv[1:4]
    steps = {**SAFETENSORS, **ONNX}[way][1](file, scratch)
    next(steps)
    started = time.perf_counter()
    next(steps, None)
    print(json.dumps({way: (time.perf_counter() - started) * 1000}))
