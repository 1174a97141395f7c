import { dirname, join } from "node:path";
import { ModelFormatError } from "../errors.js";
import { mapFile } from "../files/map-file.js";
import { MAX_HEADER_BYTES } from "./header.js";
import { decodeHeader, HeaderText } from "./header-text.js";

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
const SHARD_NAME = /^[^/\\:\u0000-\u001f]{1,243}\.safetensors$/;

/** The largest sets have some hundred. */
export const MAX_SHARDS = 10_000;

export interface ShardIndex {
  /** The shards, each once, in order of name. */
  readonly paths: readonly string[];
  /** Throws INDEX_INVALID unless the files hold exactly the tensors that the index places in them. */
  check(entries: ReadonlyMap<string, { readonly file: number }>): void;
}

/**
 * Reads a `model.safetensors.index.json`: `{ metadata: { total_size }, weight_map: { tensor: file } }`. Files must lie beside
 * the index, under plain names: an index comes from where the model comes from.
 *
 * @throws ModelFormatError INDEX_INVALID, HEADER_INVALID, HEADER_TOO_LARGE, TEXT_NOT_UTF8 or FILE_UNREADABLE
 */
export function readIndex(path: string): ShardIndex {
  const invalid = (message: string, field?: string) =>
    new ModelFormatError("INDEX_INVALID", message, { path, field });
  const weightMap = readWeightMap(path);
  if (weightMap === undefined) throw invalid("it has no weight_map; is this the index of a safetensors set?");
  if (weightMap.files.size === 0) throw invalid("its weight_map names no file");
  const names = [...weightMap.files].sort();
  for (const name of names)
    if (!SHARD_NAME.test(name))
      throw invalid(
        `it names ${JSON.stringify(name.slice(0, 200))}; only .safetensors files in its own folder are allowed`,
        "weight_map",
      );
  return {
    paths: names.map((name) => join(dirname(path), name)),
    check(entries) {
      for (const [tensor, { file }] of entries)
        if (weightMap.places.get(tensor) !== names[file])
          throw invalid(
            `${names[file]} holds the tensor, but the index says ${weightMap.places.get(tensor) ?? "nothing"}`,
            tensor,
          );
      for (const [tensor, name] of weightMap.places)
        if (!entries.has(tensor))
          throw invalid(`${name} does not hold the tensor; is that file complete?`, tensor);
    },
  };
}

interface WeightMap {
  /** The name of a tensor's file by that of the tensor. */
  readonly places: Map<string, string>;
  readonly files: Set<string>;
}

function readWeightMap(path: string): WeightMap | undefined {
  const file = mapFile(path);
  try {
    if (file.size > MAX_HEADER_BYTES)
      throw new ModelFormatError("HEADER_TOO_LARGE", `an index of ${file.size} bytes`, { path });
    const text = new HeaderText(decodeHeader(file.read(0, file.size), path, 0), path, 0);
    text.begin();
    let weightMap: WeightMap | undefined;
    text.object((key) => {
      if (key !== "weight_map") return text.skip();
      const places = new Map<string, string>();
      const files = new Set<string>();
      text.object((tensor) => {
        const name = text.string();
        places.set(tensor, name);
        if (files.add(name).size > MAX_SHARDS)
          throw new ModelFormatError("INDEX_INVALID", `it names more than ${MAX_SHARDS} files`, { path });
      }, places);
      weightMap = { places, files };
    });
    text.end();
    return weightMap;
  } finally {
    file.close();
  }
}
