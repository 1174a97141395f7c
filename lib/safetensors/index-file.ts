import { dirname, join } from "node:path";
import { ModelFormatError } from "../errors.js";
import { mapFile } from "../files/map-file.js";
import { MAX_HEADER_BYTES } from "./header.js";
import { HeaderText } from "./header-text.js";

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
const SHARD_NAME = /^[^/\\:\u0000-\u001f]{1,243}\.safetensors$/;

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
  const names = [...new Set(weightMap.values())].sort();
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
        if (weightMap.get(tensor) !== names[file])
          throw invalid(
            `${names[file]} holds the tensor, but the index says ${weightMap.get(tensor) ?? "nothing"}`,
            tensor,
          );
      for (const [tensor, name] of weightMap)
        if (!entries.has(tensor))
          throw invalid(`${name} does not hold the tensor; is that file complete?`, tensor);
    },
  };
}

function readWeightMap(path: string): Map<string, string> | undefined {
  const file = mapFile(path);
  try {
    if (file.size > MAX_HEADER_BYTES)
      throw new ModelFormatError("HEADER_TOO_LARGE", `an index of ${file.size} bytes`, { path });
    const text = new HeaderText(file.read(0, file.size), path, 0);
    let weightMap: Map<string, string> | undefined;
    text.object((key) => {
      if (key !== "weight_map") return text.skip();
      const read = new Map<string, string>();
      text.object((tensor) => read.set(tensor, text.string()));
      weightMap = read;
    });
    text.end();
    return weightMap;
  } finally {
    file.close();
  }
}
