#include <immintrin.h>

#include "loops.h"

namespace {

struct Avx512 {
  __m512i bits;

  static Avx512 zero() { return {_mm512_setzero_si512()}; }
  static Avx512 load(const uint8_t* p) { return {_mm512_load_si512(p)}; }
  static void fence() { _mm_sfence(); }
  void store(uint8_t* p) const { _mm512_store_si512(p, bits); }
  void stream(uint8_t* p) const { _mm512_stream_si512(reinterpret_cast<__m512i*>(p), bits); }
  Avx512 operator^(Avx512 other) const { return {_mm512_xor_si512(bits, other.bits)}; }
  uint8_t first() const { return static_cast<uint8_t>(_mm512_cvtsi512_si32(bits)); }
};

}  // namespace

std::vector<Loop> avx512_loops() { return every_loop<Avx512>("avx512"); }
