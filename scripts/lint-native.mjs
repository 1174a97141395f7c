// Checks the native sources' format with clang-format, or with --write brings them into it. Where there is a build, checks that
// the objects of an instruction set share no function: the linker could keep its copy for processors that lack the set.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));

/**
 * @param {string} folder
 * @param {RegExp} pattern
 */
function filesIn(folder, pattern) {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => pattern.test(name))
    .map((name) => join(root, folder, name));
}

/** @param {string} command */
function runs(command) {
  return spawnSync(command, ["--version"]).status === 0;
}

const clangFormat = ["clang-format", "clang-format-16"].find(runs);
if (clangFormat) {
  const files = ["native", "benchmarks", "test/support/cuda"].flatMap((folder) =>
    filesIn(folder, /\.(h|cpp|cuh?)$/),
  );
  const mode = process.argv.includes("--write") ? ["-i"] : ["--dry-run", "--Werror"];
  process.exitCode = spawnSync(clangFormat, [...mode, ...files], { stdio: "inherit" }).status ?? 1;
} else {
  console.log("The format of native/ was not checked: clang-format is not installed.");
}

const objects = filesIn("build/CMakeFiles/modelpress.dir/native", /(avx2|avx512|neon)\.cpp\.o$/);
if (objects.length > 0 && runs("nm")) {
  const { stdout } = spawnSync("nm", ["--demangle", "--print-file-name", ...objects], { encoding: "utf8" });
  const shared = stdout.split("\n").filter((line) => / [WVu] /.test(line));
  if (shared.length > 0) {
    console.error(`Shared functions in the objects of an instruction set:\n${shared.join("\n")}`);
    process.exitCode = 1;
  }
}
