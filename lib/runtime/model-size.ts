import { statSync } from "node:fs";
import { dirname, join } from "node:path";
import { ModelFormatError } from "../errors.js";
import { readOnnx } from "../onnx/read.js";
import { isExternal } from "../onnx/tensor-proto.js";
import { tensorsOf } from "../onnx/walk.js";

/** Bytes of a model: its file and the files of external data that it names. Throws what readOnnx throws, and EXTERNAL_MISSING. */
export function modelSize(model: string | Uint8Array): number {
  if (typeof model !== "string") return model.byteLength;
  const { proto } = readOnnx(model);
  const locations = new Set<string>();
  for (const tensor of tensorsOf(proto))
    if (isExternal(tensor))
      locations.add(tensor.externalData.find(({ key }) => key === "location")?.value ?? "");
  let size = statSync(model).size;
  for (const location of locations) {
    const path = join(dirname(model), location);
    const stat = statSync(path, { throwIfNoEntry: false });
    if (!stat?.isFile())
      throw new ModelFormatError("EXTERNAL_MISSING", `the model needs ${path}, which is no file`, {
        path: model,
      });
    size += stat.size;
  }
  return size;
}
