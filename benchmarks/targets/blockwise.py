"""onnxruntime's quantizer of weights for benchmarks/targets/blockwise.ts, called as PYTHON blockwise.py WEIGHT SIDE PACKED.

Quantizes the square matrix of float32 in WEIGHT to 4 bits in blocks of 32 rows, on one processor where the system can hold it there,
writes the packed steps and prints the nanoseconds of the fastest call. The arrays are there before.
"""

import os
import sys
import time

if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})

import numpy as np
from onnxruntime.capi._pybind_state import quantize_matmul_4bits

BLOCK = 32
CALLS = 5

weight, side, output = sys.argv[1], int(sys.argv[2]), sys.argv[3]
w = np.fromfile(weight, np.float32).reshape(side, side)
blocks = side // BLOCK
packed = np.zeros((side, blocks, BLOCK // 2), np.uint8)
scales = np.zeros(side * blocks, np.float32)
zero_points = np.zeros(side * ((blocks + 1) // 2), np.uint8)

fastest = float("inf")
for _ in range(CALLS):
    passed, used = time.perf_counter_ns(), time.process_time_ns()
    quantize_matmul_4bits(packed, w, scales, zero_points, BLOCK, side, side, True)
    passed, used = time.perf_counter_ns() - passed, time.process_time_ns() - used
    fastest = min(fastest, passed, used)
packed.tofile(output)
print(fastest)
