#pragma once

namespace modelpress {

// What the processor has and the operating system saves on a context switch.
bool cpu_has_avx2();    // with FMA and F16C
bool cpu_has_avx512();  // F, BW, DQ and VL
bool cpu_has_vnni();    // 8-bit products summed in 32 bits, in AVX-512 or AVX registers

}  // namespace modelpress
