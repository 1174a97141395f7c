// The sources that a target of binding.gyp compiles, by their names: SET.cpp and SET_part.cpp in the folder of a family need an
// instruction set, all others none.
//   node sources.mjs base|avx2|avx512|neon
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";

const wanted = process.argv[2];
for (const path of readdirSync(fileURLToPath(new URL("..", import.meta.url)), {
  recursive: true,
  encoding: "utf8",
})) {
  // node-gyp has an import library and a hook of its own for Windows; the CUDA library is not part of the addon.
  if (!path.endsWith(".cpp") || /^(windows|cuda.library)/.test(path)) continue;
  const set = /(avx2|avx512|neon)[^/\\]*\.cpp$/.exec(path)?.[1] ?? "base";
  if (set === wanted) console.log(`../${path.replaceAll("\\", "/")}`);
}
