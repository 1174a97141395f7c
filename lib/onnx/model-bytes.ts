import { statSync } from "node:fs";
import { ExternalData } from "./external-data.js";
import { readOnnx } from "./read.js";
import { isExternal } from "./tensor-proto.js";
import { tensorsOf } from "./walk.js";

/**
 * Size of a model on disk in bytes: its file and every file of external data it names.
 *
 * @throws ModelFormatError when the model or one of its data files is missing or damaged
 */
export function modelBytes(path: string): number {
  const model = readOnnx(path);
  const external = new ExternalData(path);
  try {
    const files = new Map<string, number>();
    for (const tensor of tensorsOf(model.proto))
      if (isExternal(tensor)) {
        const { location, fileSize } = external.locate(tensor);
        files.set(location, fileSize);
      }
    return [...files.values()].reduce((sum, size) => sum + size, statSync(path).size);
  } finally {
    external.close();
    model.close();
  }
}
