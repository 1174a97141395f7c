import { fstatSync } from "node:fs";
import { loadNative } from "../backends/native.js";

/** Bytes of an open file; undefined where it is no regular one. */
export function regularFileSize(descriptor: number): number | undefined {
  const size = loadNative().files?.size(descriptor) ?? -1;
  if (size >= 0) return size;
  const stat = fstatSync(descriptor);
  return stat.isFile() ? stat.size : undefined;
}
