#include <arm_neon.h>

#include "tiles.h"

namespace modelpress {
namespace {

struct Neon {
  using Floats = float32x4_t;
  using Mask = uint32x4_t;
  static constexpr size_t kFloats = 4;

  static Floats load(const float* p) { return vld1q_f32(p); }
  static void store(float* p, Floats v) { vst1q_f32(p, v); }
  static Floats set(float v) { return vdupq_n_f32(v); }
  static Floats add(Floats a, Floats b) { return vaddq_f32(a, b); }
  static Floats sub(Floats a, Floats b) { return vsubq_f32(a, b); }
  static Floats mul(Floats a, Floats b) { return vmulq_f32(a, b); }
  static Floats div(Floats a, Floats b) { return vdivq_f32(a, b); }
  static Floats abs(Floats v) { return vabsq_f32(v); }

  static Mask greater(Floats a, Floats b) { return vcgtq_f32(a, b); }
  static Mask both(Mask a, Mask b) { return vandq_u32(a, b); }
  static Floats select(Mask m, Floats yes, Floats no) { return vbslq_f32(m, yes, no); }
  static unsigned bits(Mask m) {
    const uint32_t each[] = {1, 2, 4, 8};
    return vaddvq_u32(vandq_u32(m, vld1q_u32(each)));
  }

  static Floats clamp(Floats v, Floats most) {
    v = vbslq_f32(vcgtq_f32(v, set(0.0f)), v, set(0.0f));
    return vbslq_f32(vcltq_f32(v, most), v, most);
  }
  static Floats truncate(Floats v) { return vrndq_f32(v); }
  static void store_integers(int32_t* p, Floats v) { vst1q_s32(p, vcvtq_s32_f32(v)); }
  static Floats reciprocal(Floats v) {
    const Mask is_zero = vceqq_f32(v, set(0.0f));
    return vreinterpretq_f32_u32(vbicq_u32(vreinterpretq_u32_f32(div(set(1.0f), v)), is_zero));
  }

  static void load_columns(float* to, const float* w, size_t rows, size_t stride) {
    for (size_t i = 0; i < rows; ++i)
      for (size_t k = 0; k < kFloats; ++k) to[kFloats * i + k] = w[k * stride + i];
  }
};

}  // namespace

void neon::fit_blockwise(const float* w, uint8_t* packed, float* scales, const uint8_t* zero_points,
                         const BlockwiseLayout& layout, size_t begin, size_t end) {
  fit<Neon>(w, packed, scales, zero_points, layout, begin, end);
}

}  // namespace modelpress
