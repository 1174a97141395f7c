import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { ModelFormatError } from "../errors.js";
import type { SampleSource } from "./open-dataset.js";

/** The default export of the user's module. */
export async function loadModule(
  path: string,
): Promise<SampleSource | (() => SampleSource | Promise<SampleSource>)> {
  if (!/\.m?js$/.test(path))
    throw new ModelFormatError("FORMAT_UNKNOWN", "data is a .safetensors file or a .mjs module", { path });
  let module: { default?: SampleSource };
  try {
    module = (await import(pathToFileURL(resolve(path)).href)) as { default?: SampleSource };
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
