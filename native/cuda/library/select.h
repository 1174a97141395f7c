// The k-th smallest magnitude of arrays together, by three passes that count digits (radix selection).
#pragma once

#include "pipeline.h"

namespace modelpress {

struct KthMagnitude {
  int32_t magnitude;
  size_t below;   // how many magnitudes are less
  size_t equals;  // and how many are this one
};

// k from 1 to the number of elements. Of use only if the call was not cancelled.
KthMagnitude find_kth(const Session& session, Resident& arrays, size_t k);

}  // namespace modelpress
