#include "cpu.h"

#if defined(__x86_64__) || defined(_M_X64)

#include <cstdint>

#if defined(_MSC_VER)
#include <intrin.h>
#else
#include <cpuid.h>
#endif

namespace modelpress {
namespace {

struct Registers {
  std::uint32_t eax, ebx, ecx, edx;
};

Registers cpuid(std::uint32_t leaf, std::uint32_t subleaf = 0) {
#if defined(_MSC_VER)
  int values[4];
  __cpuidex(values, static_cast<int>(leaf), static_cast<int>(subleaf));
  return {static_cast<std::uint32_t>(values[0]), static_cast<std::uint32_t>(values[1]),
          static_cast<std::uint32_t>(values[2]), static_cast<std::uint32_t>(values[3])};
#else
  Registers r{};
  __cpuid_count(leaf, subleaf, r.eax, r.ebx, r.ecx, r.edx);
  return r;
#endif
}

// The register states that the operating system saves; asked only where cpuid says that it can be asked.
std::uint64_t saved_states() {
#if defined(_MSC_VER)
  return _xgetbv(0);
#else
  std::uint32_t low, high;  // written out: the intrinsic would need -mxsave for this whole file
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (static_cast<std::uint64_t>(high) << 32) | low;
#endif
}

constexpr std::uint32_t kOsxsave = 1u << 27;  // leaf 1, ecx
constexpr std::uint32_t kAvx = 1u << 28;
constexpr std::uint32_t kFma = 1u << 12;
constexpr std::uint32_t kPopcnt = 1u << 23;
constexpr std::uint32_t kF16c = 1u << 29;
constexpr std::uint32_t kAvx2 = 1u << 5;         // leaf 7, ebx
constexpr std::uint32_t kAvx512 = 0xc0030000;    // leaf 7, ebx: F, DQ, BW, VL
constexpr std::uint32_t kAvx512Vnni = 1u << 11;  // leaf 7, ecx
constexpr std::uint32_t kAvxVnni = 1u << 4;      // leaf 7, subleaf 1, eax
constexpr std::uint64_t kYmmState = 0x6;         // xmm and ymm
constexpr std::uint64_t kZmmState = 0xe6;        // and zmm with its masks

bool has(std::uint32_t value, std::uint32_t bits) { return (value & bits) == bits; }

}  // namespace

bool cpu_has_avx2() {
  return cpuid(0).eax >= 7 && has(cpuid(1).ecx, kOsxsave | kAvx | kFma | kF16c | kPopcnt) &&
         has(cpuid(7).ebx, kAvx2) && (saved_states() & kYmmState) == kYmmState;
}

bool cpu_has_avx512() {
  return cpu_has_avx2() && has(cpuid(7).ebx, kAvx512) && (saved_states() & kZmmState) == kZmmState;
}

bool cpu_has_vnni() {
  if (cpu_has_avx512() && has(cpuid(7).ecx, kAvx512Vnni)) return true;
  return cpu_has_avx2() && cpuid(7).eax >= 1 && has(cpuid(7, 1).eax, kAvxVnni);
}

}  // namespace modelpress

#else

namespace modelpress {

bool cpu_has_vnni() { return false; }

}  // namespace modelpress

#endif
