// What memory allows: loops that only move bytes, in the proportions of the operations. Built for benchmarks,
// never shipped.
#include <napi.h>

#include <cstdint>
#include <cstring>

#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace {

constexpr size_t kVector = 32;

struct Bytes {
  uint8_t* data;
  size_t length;
};

// The vectors that lie whole in the array, from the first that is aligned.
Bytes vectors_of(const Napi::Value& value) {
  auto array = value.As<Napi::Uint8Array>();
  const size_t skip = (kVector - reinterpret_cast<uintptr_t>(array.Data()) % kVector) % kVector;
  const size_t length = array.ByteLength() > skip ? array.ByteLength() - skip : 0;
  return {array.Data() + skip, length / (4 * kVector) * (4 * kVector)};
}

#if defined(__AVX2__)

using Vector = __m256i;
inline Vector load(const uint8_t* p) { return _mm256_load_si256(reinterpret_cast<const __m256i*>(p)); }
inline void store(uint8_t* p, Vector v) { _mm256_store_si256(reinterpret_cast<__m256i*>(p), v); }
inline void stream(uint8_t* p, Vector v) { _mm256_stream_si256(reinterpret_cast<__m256i*>(p), v); }
inline Vector both(Vector a, Vector b) { return _mm256_xor_si256(a, b); }

#else

struct Vector {
  uint64_t lanes[4];
};
inline Vector load(const uint8_t* p) {
  Vector v;
  std::memcpy(&v, p, kVector);
  return v;
}
inline void store(uint8_t* p, Vector v) { std::memcpy(p, &v, kVector); }
inline void stream(uint8_t* p, Vector v) { store(p, v); }
inline Vector both(Vector a, Vector b) {
  for (int i = 0; i < 4; ++i) a.lanes[i] ^= b.lanes[i];
  return a;
}

#endif

Napi::Value read(const Napi::CallbackInfo& info) {
  const Bytes x = vectors_of(info[0]);
  Vector a{}, b{}, c{}, d{};
  for (size_t i = 0; i < x.length; i += 4 * kVector) {
    a = both(a, load(x.data + i));
    b = both(b, load(x.data + i + kVector));
    c = both(c, load(x.data + i + 2 * kVector));
    d = both(d, load(x.data + i + 3 * kVector));
  }
  const Vector all = both(both(a, b), both(c, d));
  uint8_t first;
  std::memcpy(&first, &all, 1);
  return Napi::Number::New(info.Env(), first);  // so that the loop is not dead
}

template <void (*put)(uint8_t*, Vector)>
void read4_write1(const Napi::CallbackInfo& info) {
  const Bytes x = vectors_of(info[0]);
  const Bytes y = vectors_of(info[1]);
  for (size_t i = 0; i + kVector <= y.length && 4 * (i + kVector) <= x.length; i += kVector) {
    const uint8_t* p = x.data + 4 * i;
    put(y.data + i,
        both(both(load(p), load(p + kVector)), both(load(p + 2 * kVector), load(p + 3 * kVector))));
  }
}

template <void (*put)(uint8_t*, Vector)>
void read1_write4(const Napi::CallbackInfo& info) {
  const Bytes x = vectors_of(info[0]);
  const Bytes y = vectors_of(info[1]);
  for (size_t i = 0; i + kVector <= x.length && 4 * (i + kVector) <= y.length; i += kVector) {
    const Vector v = load(x.data + i);
    for (size_t k = 0; k < 4; ++k) put(y.data + 4 * i + k * kVector, v);
  }
}

void copy(const Napi::CallbackInfo& info) {
  const Bytes x = vectors_of(info[0]);
  const Bytes y = vectors_of(info[1]);
  std::memcpy(y.data, x.data, x.length < y.length ? x.length : y.length);
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  exports.Set("read", Napi::Function::New<read>(env));
  exports.Set("read4Write1", Napi::Function::New<read4_write1<store>>(env));
  exports.Set("read4Write1Streamed", Napi::Function::New<read4_write1<stream>>(env));
  exports.Set("read1Write4", Napi::Function::New<read1_write4<store>>(env));
  exports.Set("read1Write4Streamed", Napi::Function::New<read1_write4<stream>>(env));
  exports.Set("copy", Napi::Function::New<copy>(env));
  return exports;
}

}  // namespace

NODE_API_MODULE(limits, init)
