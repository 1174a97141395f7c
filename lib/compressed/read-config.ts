import { existsSync } from "node:fs";
import { join } from "node:path";
import { ModelFormatError } from "../errors.js";
import { mapFile } from "../files/map-file.js";
import { CONFIG_NAME } from "./quantization-config.js";

/** Configurations of models take some kilobytes. */
const MAX_CONFIG_BYTES = 16 * 1024 * 1024;

/**
 * The configuration that lies in a folder beside the weights of a model; undefined where there is none.
 *
 * @throws ModelFormatError HEADER_TOO_LARGE, TEXT_NOT_UTF8, HEADER_INVALID unless it is a JSON object, or FILE_UNREADABLE
 */
export function readConfig(folder: string): Readonly<Record<string, unknown>> | undefined {
  const path = join(folder, CONFIG_NAME);
  if (!existsSync(path)) return undefined;
  const file = mapFile(path, { mmap: false });
  try {
    if (file.size > MAX_CONFIG_BYTES)
      throw new ModelFormatError("HEADER_TOO_LARGE", `a configuration of ${file.size} bytes`, { path });
    return parse(file.read(0, file.size), path);
  } finally {
    file.close();
  }
}

function parse(bytes: Uint8Array, path: string): Readonly<Record<string, unknown>> {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new ModelFormatError("TEXT_NOT_UTF8", "the configuration is not UTF-8", { path, cause });
  }
  let config: unknown;
  try {
    config = JSON.parse(text);
  } catch (cause) {
    throw new ModelFormatError("HEADER_INVALID", (cause as Error).message, { path, cause });
  }
  if (typeof config !== "object" || config === null || Array.isArray(config))
    throw new ModelFormatError("HEADER_INVALID", "the configuration is not a JSON object", { path });
  return config as Readonly<Record<string, unknown>>;
}
