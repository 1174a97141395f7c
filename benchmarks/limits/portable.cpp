#include <string.h>

#include "loops.h"

namespace {

// What the compiler makes of 64 bytes with the instructions that every processor of its target has.
struct Portable {
  uint64_t lanes[8];

  static Portable zero() { return {}; }
  static Portable load(const uint8_t* p) {
    Portable v;
    memcpy(v.lanes, p, sizeof v.lanes);
    return v;
  }
  static void fence() {}
  void store(uint8_t* p) const { memcpy(p, lanes, sizeof lanes); }
  void stream(uint8_t* p) const { store(p); }
  Portable operator^(const Portable& other) const {
    Portable v;
    for (int i = 0; i < 8; ++i) v.lanes[i] = lanes[i] ^ other.lanes[i];
    return v;
  }
  uint8_t first() const { return static_cast<uint8_t>(lanes[0]); }
};

}  // namespace

std::vector<Loop> portable_loops() { return every_loop<Portable>("portable"); }
