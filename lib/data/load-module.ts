import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { ModelFormatError } from "../errors.js";
import type { SamplesInMemory } from "./open-dataset.js";

/** The default export of the user's module. */
export async function loadModule(path: string): Promise<SamplesInMemory> {
  if (!/\.m?js$/.test(path))
    throw new ModelFormatError("FORMAT_UNKNOWN", "data is a .safetensors or .npz file, or a .mjs module", {
      path,
    });
  let module: { default?: SamplesInMemory };
  try {
    module = (await import(pathToFileURL(resolve(path)).href)) as { default?: SamplesInMemory };
  } catch (cause) {
    throw new ModelFormatError("FILE_UNREADABLE", `the module did not load: ${(cause as Error).message}`, {
      path,
      cause,
    });
  }
  if (module.default === undefined)
    throw new ModelFormatError(
      "DATA_MISMATCH",
      "the module has no default export; export an iterable of { feeds, label? }",
      {
        path,
      },
    );
  return module.default;
}
