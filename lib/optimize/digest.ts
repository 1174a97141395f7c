import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { modelFiles } from "../onnx/model-bytes.js";

/** SHA-256 of a model's files, external data included: the same model elsewhere has the same. */
export async function modelDigest(path: string): Promise<string> {
  const hash = createHash("sha256");
  for (const [file, size] of modelFiles(path)) {
    hash.update(`${size}\n`);
    await pipeline(createReadStream(file), hash, { end: false });
  }
  return hash.digest("hex");
}

/** SHA-256 of plain data; the order of the keys of an object counts. */
export function plainDigest(value: unknown): string {
  return createHash("sha256").update(JSON.stringify(value)).digest("hex");
}
