#include <immintrin.h>

#include "loops.h"

namespace {

struct Avx2 {
  __m256i bits;

  static Avx2 zero() { return {_mm256_setzero_si256()}; }
  static Avx2 load(const uint8_t* p) { return {_mm256_load_si256(reinterpret_cast<const __m256i*>(p))}; }
  static void fence() { _mm_sfence(); }
  void store(uint8_t* p) const { _mm256_store_si256(reinterpret_cast<__m256i*>(p), bits); }
  void stream(uint8_t* p) const { _mm256_stream_si256(reinterpret_cast<__m256i*>(p), bits); }
  Avx2 operator^(Avx2 other) const { return {_mm256_xor_si256(bits, other.bits)}; }
  uint8_t first() const { return static_cast<uint8_t>(_mm256_cvtsi256_si32(bits)); }
};

}  // namespace

std::vector<Loop> avx2_loops() { return every_loop<Avx2>("avx2"); }
