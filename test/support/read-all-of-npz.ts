import { readNpz } from "../../lib/index.js";

/** Reads every tensor: some damage shows only then. */
export function readAllOfNpz(file: string): void {
  const { tensors, close } = readNpz(file);
  try {
    for (const { data } of tensors.values()) data.at(-1);
  } finally {
    close();
  }
}
