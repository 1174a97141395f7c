#include <algorithm>
#include <cstring>

#include "launch.h"
#include "operations.h"
#include "pipeline.h"
#include "settings.h"

namespace modelpress {
namespace {

constexpr float kLargest = 3.402823466e+38f;

// Some of the columns of a matrix, and where what belongs to a column lies.
struct Layout {
  size_t rows, cols, block;
  int bits;
  bool transposed;
  size_t blocks, bytes, point_bytes;

  explicit Layout(const CudaBlocks& all)
      : rows(all.rows),
        cols(all.cols),
        block(all.block),
        bits(all.bits),
        transposed(all.transposed != 0),
        blocks((rows + block - 1) / block),
        bytes(blocks * block * bits / 8),
        point_bytes((blocks * bits + 7) / 8) {}

  // Its units: a thread has two blocks of a column, whose zero points may share a byte. Neighbours have
  // columns that lie side by side, or pairs of one column.
  __device__ size_t pairs() const { return (blocks + 1) / 2; }
  __device__ size_t col_of(size_t unit) const { return transposed ? unit / pairs() : unit % cols; }
  __device__ size_t pair_of(size_t unit) const { return transposed ? unit % pairs() : unit / cols; }
  __device__ size_t value_at(size_t row, size_t col) const {
    return transposed ? col * rows + row : row * cols + col;
  }
};

__device__ inline float magnitude(float v) { return v < 0.0f ? -v : v; }

// To [0, most], NaN to 0, then to the nearest integer with ties away from zero: the largest float below 0.5
// takes every tie up, and nothing that is less than a tie.
__device__ inline uint32_t step_of(float v, float most) {
  v = v > 0.0f ? v : 0.0f;
  v = v < most ? v : most;
  return static_cast<uint32_t>(v + 0x1.fffffep-2f);
}

struct Params {
  float scale;
  uint32_t zero_point;
};

__device__ inline Params params_of(float low, float high, int mid, bool symmetric) {
  if (symmetric) {
    const float far = magnitude(high) > magnitude(low) ? high : low;
    return {-far / static_cast<float>(mid), static_cast<uint32_t>(mid)};
  }
  const float most = static_cast<float>(2 * mid - 1);
  low = 0.0f < low ? 0.0f : low;
  high = high < 0.0f ? 0.0f : high;
  const float scale = (high - low) / most;
  return {scale, step_of(scale != 0.0f ? 0.0f - low / scale : low, most)};
}

struct Blocks {
  uint8_t* packed;
  float* scales;
  uint8_t* zero_points;  // or null
};

// Steps of one block, as bytes; those of missing rows are 0.
__device__ inline void quantize_block(const float* w, const Layout& m, size_t col, size_t block,
                                      Params params, uint8_t* packed) {
  const float most = static_cast<float>((1 << m.bits) - 1);
  const float reciprocal = params.scale != 0.0f ? 1.0f / params.scale : 0.0f;
  const size_t first = block * m.block;
  const float zero_point = static_cast<float>(params.zero_point);
  uint32_t byte = 0;
  for (size_t i = 0; i < m.block; ++i) {
    const bool is_row = first + i < m.rows;
    const uint32_t own = is_row ? step_of(w[m.value_at(first + i, col)] * reciprocal + zero_point, most) : 0;
    if (m.bits == 8)
      packed[i] = static_cast<uint8_t>(own);
    else if (i % 2 == 0)
      byte = own;
    else
      packed[i / 2] = static_cast<uint8_t>(byte | own << 4);
  }
}

__device__ inline Params range_params(const float* w, const Layout& m, size_t col, size_t block,
                                      bool symmetric) {
  float low = kLargest;
  float high = -kLargest;
  for (size_t row = block * m.block; row < min((block + 1) * m.block, m.rows); ++row) {
    const float v = w[m.value_at(row, col)];
    low = v < low ? v : low;
    high = v > high ? v : high;
  }
  return params_of(low, high, 1 << (m.bits - 1), symmetric);
}

__global__ void quantize_pairs(const float* w, Layout m, Blocks to) {
  for_each_unit(m.cols * m.pairs(), [=](size_t unit) {
    const size_t col = m.col_of(unit);
    const size_t begin = 2 * m.pair_of(unit);
    uint32_t points = 0x80;  // a missing zero point is 8
    for (size_t block = begin; block < min(begin + 2, m.blocks); ++block) {
      const Params params = range_params(w, m, col, block, to.zero_points == nullptr);
      to.scales[col * m.blocks + block] = params.scale;
      if (m.bits == 8 && to.zero_points != nullptr)
        to.zero_points[col * m.point_bytes + block] = static_cast<uint8_t>(params.zero_point);
      points = block == begin ? (points & 0xf0) | params.zero_point : (points & 15) | params.zero_point << 4;
      uint8_t* const packed = to.packed + col * m.bytes + block * m.block * m.bits / 8;
      quantize_block(w, m, col, block, params, packed);
      // onnxruntime takes the blocks in pairs, and leaves what it wrote last in the half that no row takes.
      const size_t last = min((block + 1) * m.block, m.rows);
      if (m.bits == 4 && last % 2 != 0 && last % (2 * m.block) != 1) {
        uint8_t* const column = to.packed + col * m.bytes;
        column[last / 2] = static_cast<uint8_t>((column[last / 2] & 15) | (column[last / 2 - 1] & 0xf0));
      }
    }
    if (m.bits == 4 && to.zero_points != nullptr)
      to.zero_points[col * m.point_bytes + begin / 2] = static_cast<uint8_t>(points);
  });
}

__device__ inline int element_at(const uint8_t* x, size_t i, int bits) {
  return bits == 8 ? x[i] : x[i / 2] >> (i % 2 * 4) & 15;
}

__global__ void dequantize_values(Blocks from, Layout m, float* w) {
  for_each_unit(m.rows * m.cols, [=](size_t i) {
    const size_t row = m.transposed ? i % m.rows : i / m.cols;
    const size_t col = m.transposed ? i / m.rows : i % m.cols;
    const size_t block = row / m.block;
    const int zero_point = from.zero_points != nullptr
                               ? element_at(from.zero_points + col * m.point_bytes, block, m.bits)
                               : 1 << (m.bits - 1);
    const int step = element_at(from.packed + col * m.bytes, row, m.bits) - zero_point;
    const float v = static_cast<float>(step) * from.scales[col * m.blocks + block];
    w[i] = v != v ? __uint_as_float(0x7fc00000) : v;
  });
}

// What belongs to some columns, in one piece of memory.
struct Piece {
  size_t packed, scales, zero_points, bytes;

  Piece(const Layout& m, bool has_zero_points)
      : packed(0),
        scales(aligned(m.cols * m.bytes)),
        zero_points(scales + aligned(m.cols * m.blocks * sizeof(float))),
        bytes(zero_points + (has_zero_points ? m.cols * m.point_bytes : 0)) {}

  Blocks in(char* memory, bool has_zero_points) const {
    return {reinterpret_cast<uint8_t*>(memory + packed), reinterpret_cast<float*>(memory + scales),
            has_zero_points ? reinterpret_cast<uint8_t*>(memory + zero_points) : nullptr};
  }

 private:
  static size_t aligned(size_t bytes) { return (bytes + 255) / 256 * 256; }
};

// A call, in chunks of columns where its arrays are in host memory.
struct BlockwiseCall {
  CudaArray w;
  Blocks blocks;
  Layout all;

  size_t chunk_cols() const {
    const size_t fitting = kChunkBytes / (all.rows * sizeof(float));
    return std::min(all.cols, std::max<size_t>(1, fitting));
  }
  size_t first(size_t chunk) const { return chunk * chunk_cols(); }
  Layout layout(size_t chunk) const {
    Layout own = all;
    own.cols = std::min(chunk_cols(), all.cols - first(chunk));
    return own;
  }
  size_t chunks() const { return (all.cols + chunk_cols() - 1) / chunk_cols(); }
  bool has_zero_points() const { return blocks.zero_points != nullptr; }
  size_t value_bytes(size_t chunk) const { return layout(chunk).cols * all.rows * sizeof(float); }
  Piece piece(size_t chunk) const { return {layout(chunk), has_zero_points()}; }

  // Calls copy(in the matrix, in the chunk, bytes) for the values of a chunk.
  template <class Copy>
  void copy_values(size_t chunk, char* staged, const Copy& copy) const {
    char* const data = static_cast<char*>(w.data);
    const size_t cols = layout(chunk).cols;
    if (all.transposed)
      return copy(data + first(chunk) * all.rows * sizeof(float), staged, cols * all.rows * sizeof(float));
    for (size_t row = 0; row < all.rows; ++row)
      copy(data + (row * all.cols + first(chunk)) * sizeof(float), staged + row * cols * sizeof(float),
           cols * sizeof(float));
  }
  template <class Copy>
  void copy_blocks(size_t chunk, char* staged, const Copy& copy) const {
    const Layout own = layout(chunk);
    const size_t begin = first(chunk);
    const Blocks part = piece(chunk).in(staged, has_zero_points());
    copy(reinterpret_cast<char*>(blocks.packed + begin * all.bytes), reinterpret_cast<char*>(part.packed),
         own.cols * all.bytes);
    copy(reinterpret_cast<char*>(blocks.scales + begin * all.blocks), reinterpret_cast<char*>(part.scales),
         own.cols * all.blocks * sizeof(float));
    if (has_zero_points())
      copy(reinterpret_cast<char*>(blocks.zero_points + begin * all.point_bytes),
           reinterpret_cast<char*>(part.zero_points), own.cols * all.point_bytes);
  }
};

void in(const char* whole, char* part, size_t bytes) { std::memcpy(part, whole, bytes); }
void out(char* whole, const char* part, size_t bytes) { std::memcpy(whole, part, bytes); }

void quantize_chunk(const void* w, const Layout& layout, const Blocks& to, cudaStream_t stream) {
  launch(quantize_pairs, layout.cols * ((layout.blocks + 1) / 2), stream, static_cast<const float*>(w),
         layout, to);
}

void dequantize_chunk(const Blocks& from, const Layout& layout, void* w, cudaStream_t stream) {
  launch(dequantize_values, layout.rows * layout.cols, stream, from, layout, static_cast<float*>(w));
}

BlockwiseCall call_of(CudaArray w, CudaArray packed, CudaArray scales, CudaArray zero_points,
                      const CudaBlocks& blocks) {
  return {w,
          {static_cast<uint8_t*>(packed.data), static_cast<float*>(scales.data),
           static_cast<uint8_t*>(zero_points.data)},
          Layout(blocks)};
}

size_t nothing(size_t) { return 0; }

// All in one piece, where everything is on the device.
Chunks whole(const std::function<void(cudaStream_t)>& launch_all) {
  return {1, nothing, nothing, {}, [=](size_t, const char*, char*, cudaStream_t s) { launch_all(s); }, {}};
}

}  // namespace

int32_t cuda_quantize_blockwise(CudaCall* call, CudaArray w, CudaArray packed, CudaArray scales,
                                CudaArray zero_points, const CudaBlocks* blocks) {
  return guarded(call, [&] {
    const Session session(call);
    const BlockwiseCall own = call_of(w, packed, scales, zero_points, *blocks);
    if (w.on_device != 0)
      return run_chunks(
          session, whole([=](cudaStream_t stream) { quantize_chunk(w.data, own.all, own.blocks, stream); }));
    run_chunks(
        session,
        {own.chunks(), [=](size_t chunk) { return own.value_bytes(chunk); },
         [=](size_t chunk) { return own.piece(chunk).bytes; },
         [=](size_t chunk, char* staged) { own.copy_values(chunk, staged, in); },
         [=](size_t chunk, const char* from, char* to, cudaStream_t stream) {
           quantize_chunk(from, own.layout(chunk), own.piece(chunk).in(to, own.has_zero_points()), stream);
         },
         [=](size_t chunk, const char* staged) { own.copy_blocks(chunk, const_cast<char*>(staged), out); }});
  });
}

int32_t cuda_dequantize_blockwise(CudaCall* call, CudaArray packed, CudaArray scales, CudaArray zero_points,
                                  CudaArray w, const CudaBlocks* blocks) {
  return guarded(call, [&] {
    const Session session(call);
    const BlockwiseCall own = call_of(w, packed, scales, zero_points, *blocks);
    if (w.on_device != 0)
      return run_chunks(session, whole([=](cudaStream_t stream) {
                          dequantize_chunk(own.blocks, own.all, w.data, stream);
                        }));
    run_chunks(
        session,
        {own.chunks(), [=](size_t chunk) { return own.piece(chunk).bytes; },
         [=](size_t chunk) { return own.value_bytes(chunk); },
         [=](size_t chunk, char* staged) { own.copy_blocks(chunk, staged, in); },
         [=](size_t chunk, const char* from, char* to, cudaStream_t stream) {
           const Blocks part = own.piece(chunk).in(const_cast<char*>(from), own.has_zero_points());
           dequantize_chunk(part, own.layout(chunk), to, stream);
         },
         [=](size_t chunk, const char* staged) { own.copy_values(chunk, const_cast<char*>(staged), out); }});
  });
}

}  // namespace modelpress
