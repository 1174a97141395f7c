import type { Data, Work } from "./benchmark.js";
import type { Contender } from "./contender.js";

/** @throws Error unless the library on every backend and onnxruntime write the same bytes: else they do not do the same work. */
export async function requireAgreement({ output }: Work, contenders: readonly Contender[]): Promise<void> {
  if (!output) return;
  let expected: Buffer | undefined;
  for (const { kind, name, run } of contenders) {
    if (kind !== "default" && kind !== "backend" && kind !== "onnxruntime") continue;
    output.fill(0);
    await run();
    expected ??= Buffer.from(bytesOf(output));
    if (!expected.equals(bytesOf(output))) throw new Error(`${name} gives another result`);
  }
}

function bytesOf(array: Data): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}
