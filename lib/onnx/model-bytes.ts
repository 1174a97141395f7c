import { statSync } from "node:fs";
import { dirname, join } from "node:path";
import { ExternalData } from "./external-data.js";
import { type OnnxModel, readOnnx } from "./read.js";
import { isExternal } from "./tensor-proto.js";
import { tensorsOf } from "./walk.js";

/**
 * The files of a model: its own first, then every file of external data it names, with their sizes.
 *
 * @throws ModelFormatError when the model or one of its data files is missing or damaged
 */
export function modelFiles(path: string): Map<string, number> {
  const model = readOnnx(path);
  try {
    return filesOf(path, model);
  } finally {
    model.close();
  }
}

/** The same for a model that is open. */
function filesOf(path: string, model: OnnxModel): Map<string, number> {
  const external = new ExternalData(path);
  try {
    const files = new Map<string, number>([[path, statSync(path).size]]);
    for (const tensor of tensorsOf(model.proto))
      if (isExternal(tensor)) {
        const { location, fileSize } = external.locate(tensor);
        files.set(join(dirname(path), location), fileSize);
      }
    return files;
  } finally {
    external.close();
  }
}

/** Size of a model on disk in bytes, external data included. Throws as modelFiles. */
export function modelBytes(path: string): number {
  return sum(modelFiles(path));
}

/** The same for a model that is open. */
export function openModelBytes(path: string, model: OnnxModel): number {
  return sum(filesOf(path, model));
}

function sum(files: ReadonlyMap<string, number>): number {
  return [...files.values()].reduce((total, size) => total + size, 0);
}
