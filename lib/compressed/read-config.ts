import { existsSync } from "node:fs";
import { join } from "node:path";
import { ModelFormatError } from "../errors.js";
import { mapFile } from "../files/map-file.js";
import { CONFIG_NAME } from "./quantization-config.js";

/** Configurations of models take some kilobytes, or with the names of many classes a megabyte. */
const MAX_CONFIG_BYTES = 2 * 1024 * 1024;
/** Far beyond any, and before what nesting costs matters. */
const MAX_DEPTH = 64;

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
  if (depthOf(text) > MAX_DEPTH)
    throw new ModelFormatError("HEADER_INVALID", "the configuration is nested too deep", { path });
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

/** How deep brackets lie in each other, those in strings aside. Parsing first would make what they stand for. */
function depthOf(json: string): number {
  let depth = 0;
  let deepest = 0;
  let inString = false;
  for (let i = 0; i < json.length; i++) {
    const character = json[i];
    if (inString) {
      if (character === "\\") i++;
      else if (character === '"') inString = false;
    } else if (character === '"') inString = true;
    else if (character === "[" || character === "{") deepest = Math.max(deepest, ++depth);
    else if (character === "]" || character === "}") depth--;
  }
  return deepest;
}
