// How eight lanes move for every set of them, of which each bit says whether a lane is in it. Each file of an
// instruction set that includes it has a table of its own.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace modelpress {
namespace {

struct LaneOrders {
  uint8_t front[256][8];  // which lane comes where when those of the set move to the front
  uint8_t rank[256][8];   // how many of the set come before a lane
  uint8_t count[256];

  constexpr LaneOrders() : front(), rank(), count() {
    for (unsigned lanes = 0; lanes < 256; ++lanes) {
      uint8_t found = 0;
      for (uint8_t lane = 0; lane < 8; ++lane) {
        rank[lanes][lane] = found;
        if (lanes >> lane & 1) front[lanes][found++] = lane;
      }
      count[lanes] = found;
    }
  }
};
constexpr LaneOrders kLaneOrders;

}  // namespace
}  // namespace modelpress
