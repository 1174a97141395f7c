#pragma once

namespace modelpress {

// What the processor has and the operating system saves on a context switch.
bool cpu_has_avx2();  // with FMA and F16C

}  // namespace modelpress
