import { readFileSync } from "node:fs";
import { nativeCpu } from "../backends/index.js";
import type { Target } from "./target.js";

/** The target that is this machine. A processor that nobody can tell of counts as one without VNNI, which is never wrong. */
export function detectTarget(): Target {
  if (process.arch === "arm64" || process.arch === "arm") return "cpu-arm";
  return (nativeCpu()?.vnni ?? listsVnni()) ? "cpu-vnni" : "cpu-avx2";
}

/** Without the addon, what Linux says of the processor. */
function listsVnni(): boolean {
  try {
    return /^flags\s*:.*\b(avx512_vnni|avx_vnni)\b/m.test(readFileSync("/proc/cpuinfo", "utf8"));
  } catch {
    return false;
  }
}
