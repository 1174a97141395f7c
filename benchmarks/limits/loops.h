// Loops that only move bytes, in the proportions of the operations: what memory allows; and one that only
// counts. Each instruction set compiles them for itself with a Vector of its own, so they have internal
// linkage.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <string>
#include <vector>

// One way to read `reads` vectors for every `writes` that are written.
struct Loop {
  std::string name;
  int reads, writes;
  bool counts;
  // Both arrays begin on a cache line; lengths are in bytes. The result depends on every byte read.
  uint8_t (*run)(const uint8_t* x, size_t x_length, uint8_t* y, size_t y_length);
};

std::vector<Loop> portable_loops();
std::vector<Loop> avx2_loops();
std::vector<Loop> avx512_loops();

namespace {

constexpr size_t kStreams = 4;

// Vector has zero(), load(p), store(p), stream(p), operator^ and first(). With several streams the arrays are
// walked in as many places at once, which keeps more of the memory's banks at work.
template <class Vector, int reads, int writes, size_t streams, bool streamed>
uint8_t move(const uint8_t* x, size_t x_length, uint8_t* y, size_t y_length) {
  constexpr size_t size = sizeof(Vector);
  constexpr size_t accumulators = 4;  // a single one would be a chain
  size_t units = x_length / (reads * size);
  if (writes > 0 && y_length / (writes == 0 ? size : writes * size) < units)
    units = y_length / (writes * size);
  const size_t steps = units / streams;
  Vector all[accumulators];
  for (Vector& each : all) each = Vector::zero();
  for (size_t step = 0; step < steps; ++step)
    for (size_t stream = 0; stream < streams; ++stream) {
      const size_t unit = stream * steps + step;
      Vector read = Vector::load(x + unit * reads * size);
      if (writes == 0) all[0] = all[0] ^ read;
      for (int k = 1; k < reads; ++k) {
        const Vector next = Vector::load(x + (unit * reads + k) * size);
        if (writes == 0)
          all[k % accumulators] = all[k % accumulators] ^ next;
        else
          read = read ^ next;
      }
      for (int k = 0; k < writes; ++k) {
        uint8_t* to = y + (unit * writes + k) * size;
        streamed ? read.stream(to) : read.store(to);
      }
    }
  if (streamed) Vector::fence();
  return (all[0] ^ all[1] ^ all[2] ^ all[3]).first();
}

// Counts every four bytes of x by their lowest bits, in turn in two tables that lie in y, whose length is a
// power of two: what an operation that counts takes at least, whatever it counts by.
uint8_t count(const uint8_t* x, size_t x_length, uint8_t* y, size_t y_length) {
  constexpr size_t unrolled = 8;
  const uint32_t mask = static_cast<uint32_t>(y_length / (2 * sizeof(uint32_t)) - 1);
  auto* const tables = reinterpret_cast<uint32_t*>(y);
  for (size_t i = 0; i + sizeof(uint32_t) * unrolled <= x_length; i += sizeof(uint32_t) * unrolled)
    for (size_t k = 0; k < unrolled; ++k) {
      uint32_t bits;
      memcpy(&bits, x + i + k * sizeof(bits), sizeof(bits));
      ++tables[2 * (bits & mask) + k % 2];
    }
  return y[0];
}

template <class Vector, int reads, int writes>
void add_proportion(std::vector<Loop>& loops, const std::string& isa) {
  const auto add = [&](const char* how, auto run) {
    loops.push_back({isa + " " + how, reads, writes, false, run});
  };
  add("stores", move<Vector, reads, writes, 1, false>);
  add("stores, 4 at once", move<Vector, reads, writes, kStreams, false>);
  add("streaming", move<Vector, reads, writes, 1, true>);
  add("streaming, 4 at once", move<Vector, reads, writes, kStreams, true>);
}

template <class Vector>
std::vector<Loop> every_loop(const std::string& isa) {
  std::vector<Loop> loops;
  loops.push_back({isa + " increments", 4, 0, true, count});
  loops.push_back({isa + " loads", 4, 0, false, move<Vector, 4, 0, 1, false>});
  loops.push_back({isa + " loads, 4 at once", 4, 0, false, move<Vector, 4, 0, kStreams, false>});
  add_proportion<Vector, 8, 1>(loops, isa);
  add_proportion<Vector, 4, 1>(loops, isa);
  add_proportion<Vector, 2, 1>(loops, isa);
  add_proportion<Vector, 1, 1>(loops, isa);
  add_proportion<Vector, 1, 2>(loops, isa);
  add_proportion<Vector, 1, 4>(loops, isa);
  add_proportion<Vector, 1, 8>(loops, isa);
  return loops;
}

}  // namespace
