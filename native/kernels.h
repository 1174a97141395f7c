// The contract of every kernel, by family. One comment per operation says what it computes; scalar.cpp of its
// family is that in code, and every other instruction set returns the same bits for every input, NaN,
// infinities, -0 and denormals included.
//
// Pointers may be unaligned, n may be 0, nothing throws, no byte outside [0, n) is touched, x and y do not
// overlap. In a *_lanes kernel every element has parameters of its own; per_axis.h builds the per-channel
// operations from them.
#pragma once

#include "blockwise/kernels.h"
#include "cast/kernels.h"
#include "dequantize/kernels.h"
#include "fit/kernels.h"
#include "gguf/kernels.h"
#include "histogram/kernels.h"
#include "linalg/kernels.h"
#include "minmax/kernels.h"
#include "norms/kernels.h"
#include "prune/kernels.h"
#include "quantize/kernels.h"
#include "sparse/kernels.h"
