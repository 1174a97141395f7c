#pragma once

#include <stddef.h>
#include <stdint.h>

namespace modelpress {

// Blocks of 32 values as ggml stores them: a scale as a half, then the steps. Q8_0, 34 bytes: the scale is
// max |x| / 127, a step the nearest integer to x * (1 / scale), ties away from zero. Q4_0, 18 bytes: the
// scale is -1/8 of the first value with the largest magnitude (-0 if all are zero), a step trunc(x * (1 /
// scale) + 8.5), 15 at most; byte j holds value j in its low and value 16 + j in its high half. 1 / scale is
// 0 for a scale of 0 and comes from the scale before that is rounded to half. A NaN in a block makes its
// scale the half 0x7e00. A step that comes out infinite or NaN is stored as 0.
using QuantizeGguf = void(const float* x, uint8_t* y, size_t blocks);

// y = scale * step, of Q4_0 scale * (step - 8). A NaN in y is 0x7fc00000.
using DequantizeGguf = void(const uint8_t* x, float* y, size_t blocks);

namespace scalar {
QuantizeGguf quantize_gguf_q8_0;
QuantizeGguf quantize_gguf_q4_0;
DequantizeGguf dequantize_gguf_q8_0;
DequantizeGguf dequantize_gguf_q4_0;
}  // namespace scalar
namespace avx2 {
QuantizeGguf quantize_gguf_q8_0;
QuantizeGguf quantize_gguf_q4_0;
DequantizeGguf dequantize_gguf_q8_0;
DequantizeGguf dequantize_gguf_q4_0;
}  // namespace avx2
namespace neon {
QuantizeGguf quantize_gguf_q8_0;
QuantizeGguf quantize_gguf_q4_0;
DequantizeGguf dequantize_gguf_q8_0;
DequantizeGguf dequantize_gguf_q4_0;
}  // namespace neon

}  // namespace modelpress
