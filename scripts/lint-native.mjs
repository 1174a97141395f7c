// Checks the native sources' format with clang-format, or with --write brings them into it.
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));

/** @param {string} command */
function runs(command) {
  return spawnSync(command, ["--version"]).status === 0;
}

const clangFormat = ["clang-format", "clang-format-16"].find(runs);
if (clangFormat) {
  const folders = ["native", "benchmarks"];
  const files = folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
      .filter((name) => /\.(h|cpp|cu)$/.test(name))
      .map((name) => join(root, folder, name)),
  );
  const mode = process.argv.includes("--write") ? ["-i"] : ["--dry-run", "--Werror"];
  process.exitCode = spawnSync(clangFormat, [...mode, ...files], { stdio: "inherit" }).status ?? 1;
} else {
  console.log("The format of native/ was not checked: clang-format is not installed.");
}
