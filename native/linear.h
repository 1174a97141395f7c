// What quantizeLinear and dequantizeLinear share: element types, and layouts, which say what elements share a
// scale and a zero point. A layout's map() takes a range of elements, and pointers to its first one, apart
// into what the kernels take in one go. Included by bindings only, as per_axis.h.
#pragma once

#include "per_axis.h"

namespace modelpress {

// Numbered as in ONNX.
enum class ElementType {
  float32 = 1,
  uint8 = 2,
  int8 = 3,
  uint16 = 4,
  int16 = 5,
  int32 = 6,
  float16 = 10,
  bfloat16 = 16,
  uint4 = 21,
  int4 = 22,
};

// 4-bit elements lie two to a byte, the first in the low half.
inline bool is_packed(ElementType type) { return type == ElementType::int4 || type == ElementType::uint4; }

inline napi_typedarray_type array_type(ElementType type) {
  switch (type) {
    case ElementType::float32:
      return napi_float32_array;
    case ElementType::int8:
      return napi_int8_array;
    case ElementType::int16:
      return napi_int16_array;
    case ElementType::uint16:
    case ElementType::float16:
    case ElementType::bfloat16:
      return napi_uint16_array;
    case ElementType::int32:
      return napi_int32_array;
    default:
      return napi_uint8_array;
  }
}

struct Elements {
  ElementType type;
  void* data;
  size_t length;  // of the array: bytes of packed elements
};

// The array at `index`, whose elements have the type at index + 1.
inline Elements elements_arg(const Napi::CallbackInfo& info, size_t index) {
  const auto array = any_array_arg(info, index);
  const auto type = static_cast<ElementType>(static_cast<int32_t>(number_arg(info, index + 1)));
  if (array.type != array_type(type))
    throw Napi::TypeError::New(info.Env(), "typed array of another element type");
  return {type, array.data, array.length};
}

inline void require_same_length(const Napi::CallbackInfo& info, size_t floats, const Elements& quantized) {
  const size_t length = is_packed(quantized.type) ? (floats + 1) / 2 : floats;
  require(info, quantized.length == length, "x and y differ in length");
}

template <class In, class Out>
struct LinearKernels {
  void (*rows)(const In*, Out*, size_t, size_t, const float*, const int32_t*);
  void (*lanes)(const In*, Out*, size_t, size_t, size_t, const float*, const int32_t*);
};

struct PerTensor {
  float scale;
  int32_t zero_point;

  template <class In, class Out>
  void map(const LinearKernels<In, Out>& k, const In* x, Out* y, size_t begin, size_t end) const {
    k.rows(x, y, 1, end - begin, &scale, &zero_point);
  }
};

inline PerTensor per_tensor_args(const Napi::CallbackInfo& info, size_t index) {
  return {static_cast<float>(number_arg(info, index)), zero_point_arg(info, index + 1)};
}

// Lanes whose parameters repeat after `period` elements.
template <class In, class Out>
void map_lanes(const LinearKernels<In, Out>& k, const In* x, Out* y, size_t begin, size_t end, size_t period,
               const float* scales, const int32_t* zero_points) {
  for (size_t i = begin; i < end;) {
    const size_t lane = i % period;
    const size_t n = std::min(period - lane, end - i);
    const size_t rows = n == period ? (end - i) / period : 1;
    k.lanes(x + (i - begin), y + (i - begin), rows, period, n, scales + lane, zero_points + lane);
    i += rows * n;
  }
}

// From this many elements on, the time to repeat a short pattern of channels over a tile is made good.
constexpr size_t kRepeatsPay = 64 * kTile;

struct PerAxis {
  Axis axis;
  const float* scales;
  const int32_t* zero_points;

  template <class In, class Out>
  void map(const LinearKernels<In, Out>& k, const In* x, Out* y, size_t begin, size_t end) const {
    if (axis.inner >= kRowMin)
      map_rows(k, x, y, begin, end);
    else if (axis.is_lanes() && !(axis.has_short_rows() && end - begin >= kRepeatsPay))
      map_lanes(k, x, y, begin, end, axis.channels, scales, zero_points);
    else
      map_tiles(k, x, y, begin, end);
  }

 private:
  template <class In, class Out>
  void map_rows(const LinearKernels<In, Out>& k, const In* x, Out* y, size_t begin, size_t end) const {
    for (size_t i = begin; i < end;) {
      const size_t channel = i / axis.inner % axis.channels;
      const size_t n = std::min(axis.inner - i % axis.inner, end - i);
      const size_t rows = n == axis.inner ? std::min(axis.channels - channel, (end - i) / n) : 1;
      k.rows(x + (i - begin), y + (i - begin), rows, n, scales + channel, zero_points + channel);
      i += rows * n;
    }
  }

  template <class In, class Out>
  void map_tiles(const LinearKernels<In, Out>& k, const In* x, Out* y, size_t begin, size_t end) const {
    float lane_scales[kTile + kGroup];
    int32_t lane_zero_points[kTile + kGroup];
    const size_t stride = axis.stride();
    for (size_t first = begin; first < std::min(begin + stride, end); first += kTile) {
      const size_t count = std::min({kTile, begin + stride - first, end - first});
      const size_t once = std::min(count, axis.period());
      for_each_run(axis, first, once, [&](size_t at, size_t run, size_t channel) {
        fill_run(lane_scales + at, run, scales[channel]);
        fill_run(lane_zero_points + at, run, zero_points[channel]);
      });
      for (size_t n = once; n < count; n += std::min(n, count - n)) {
        std::copy_n(lane_scales, std::min(n, count - n), lane_scales + n);
        std::copy_n(lane_zero_points, std::min(n, count - n), lane_zero_points + n);
      }
      for_each_part({end, axis.channels, axis.inner}, first, count, [&](size_t at, size_t rows, size_t n) {
        k.lanes(x + (at - begin), y + (at - begin), rows, stride, n, lane_scales, lane_zero_points);
      });
    }
  }
};

inline PerAxis per_axis_args(const Napi::CallbackInfo& info, size_t index, size_t total) {
  const auto scales = array_arg<float>(info, index);
  const auto zero_points = array_arg<int32_t>(info, index + 1);
  require(info, scales.length == zero_points.length, "scales and zeroPoints differ in length");
  return {axis_arg(info, index + 2, total, scales.length), scales.data, zero_points.data};
}

// x is [outer, size, inner]; `block` rows of [size, inner] share a row of parameters, the last ones may be
// fewer.
struct Blocked {
  size_t size, inner, block;
  const float* scales;
  const int32_t* zero_points;

  template <class In, class Out>
  void map(const LinearKernels<In, Out>& k, const In* x, Out* y, size_t begin, size_t end) const {
    const size_t slice = size * inner;
    const size_t whole = block * inner;
    const size_t blocks = (size + block - 1) / block;
    for (size_t i = begin; i < end;) {
      const size_t start = i / slice * slice + i % slice / whole * whole;
      const size_t stop = std::min({start + whole, i / slice * slice + slice, end});
      const size_t at = (i / slice * blocks + i % slice / whole) * inner;
      const In* const from = x + (i - begin);
      Out* const to = y + (i - begin);
      if (inner == 1)
        k.rows(from, to, 1, stop - i, scales + at, zero_points + at);
      else
        map_lanes(k, from, to, i - start, stop - start, inner, scales + at, zero_points + at);
      i = stop;
    }
  }
};

inline Blocked blocked_args(const Napi::CallbackInfo& info, size_t index, size_t total) {
  const auto scales = array_arg<float>(info, index);
  const auto zero_points = array_arg<int32_t>(info, index + 1);
  const size_t size = size_arg(info, index + 2);
  const size_t inner = size_arg(info, index + 3);
  const size_t block = size_arg(info, index + 4);
  require(info, scales.length == zero_points.length, "scales and zeroPoints differ in length");
  if (total == 0) return {1, 1, 1, nullptr, nullptr};
  require(info, size <= total / inner && total % (size * inner) == 0,
          "x is not a whole number of [size, inner] slices");
  const size_t blocks = size / block + (size % block > 0 ? 1 : 0);
  require(info, scales.length == total / size * blocks, "scales does not have one value per block");
  return {size, inner, std::min(block, size), scales.data, zero_points.data};
}

// Elements that are converted at a time: the buffers stay in the innermost cache.
constexpr size_t kStage = 2048;

// How a call gets from x to y: kernels take In to Out; `load` and `store` are null where the arrays hold just
// these, and else convert from and to what they hold.
template <class In, class RawIn, class Out, class RawOut>
struct LinearMap {
  const void* x;
  void (*load)(const RawIn*, In*, size_t);
  void* y;
  void (*store)(const Out*, RawOut*, size_t);
  LinearKernels<In, Out> kernels;

  template <class Layout>
  void operator()(const Layout& layout, size_t begin, size_t end) const {
    const In* const from = static_cast<const In*>(x);
    Out* const to = static_cast<Out*>(y);
    if (load == nullptr && store == nullptr) return layout.map(kernels, from + begin, to + begin, begin, end);
    In loaded[kStage];
    Out computed[kStage];
    for (size_t i = begin; i < end; i += kStage) {
      const size_t n = std::min(kStage, end - i);
      if (load != nullptr) load(at(static_cast<const RawIn*>(x), i), loaded, n);
      layout.map(kernels, load != nullptr ? loaded : from + i, store != nullptr ? computed : to + i, i,
                 i + n);
      if (store != nullptr) store(computed, at(static_cast<RawOut*>(y), i), n);
    }
  }

 private:
  // Bytes hold two elements; ranges begin with the first of them.
  template <class Raw>
  static Raw* at(Raw* raw, size_t i) {
    return raw + (sizeof(Raw) == 1 ? i / 2 : i);
  }
};

}  // namespace modelpress
