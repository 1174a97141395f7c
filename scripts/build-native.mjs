// Builds the native addon into build/Release. Without a compiler that is no failure: the JavaScript backend does the work.
//   --if-stale   do nothing unless a native source is newer than the addon, and say nothing on success
import { spawnSync } from "node:child_process";
import { existsSync, statSync, utimesSync } from "node:fs";
import { createRequire } from "node:module";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { newestChange } from "./newest-change.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const addon = join(root, "build/Release/modelpress.node");
const ifStale = process.argv.includes("--if-stale");

function isFresh() {
  if (!existsSync(addon)) return false;
  const built = statSync(addon).mtimeMs;
  return ["native", "CMakeLists.txt"].every((source) => newestChange(join(root, source)) < built);
}

/** @param {string[]} names */
function onPath(names) {
  const suffix = process.platform === "win32" ? ".exe" : "";
  const folders = (process.env.PATH ?? "").split(delimiter);
  return names.some((name) => folders.some((folder) => folder && existsSync(join(folder, name + suffix))));
}

/** What is missing to build the addon here, or nothing. */
function missing() {
  if (process.env.MODELPRESS_SKIP_NATIVE === "1") return "MODELPRESS_SKIP_NATIVE is set: unset it";
  if (!onPath(["cmake"])) return "cmake was not found: install cmake and a C++ compiler";
  // On Windows the compiler is not on the path; cmake finds it by itself, or says that there is none.
  const compilers = ["c++", "g++", "clang++"];
  if (process.platform !== "win32" && !process.env.CXX && !onPath(compilers))
    return "no C++ compiler was found: install g++ or clang";
  return undefined;
}

/** @param {string} reason */
function useJavaScript(reason) {
  console.log(
    `The JavaScript backend will be used: ${reason} and run "npm run build:native" for the native one.`,
  );
}

if (ifStale && isFresh()) process.exit(0);

const reason = missing();
if (reason) {
  useJavaScript(reason);
  process.exit(0);
}

const cmakeJs = join(createRequire(import.meta.url).resolve("cmake-js/package.json"), "../bin/cmake-js");
// "build", for "compile" answers an error by building everything again.
const result = spawnSync(process.execPath, [cmakeJs, "build", "--directory", root], {
  encoding: "utf8",
  cwd: root,
});
const output = `${result.stdout}${result.stderr}`;
if (result.status === 0) {
  // A change to a file that no object depends on leaves the addon as it was: it is up to date all the same.
  const now = new Date();
  utimesSync(addon, now, now);
  if (!ifStale) console.log(`Built ${addon}`);
} else if (/No CMAKE_CXX_COMPILER could be found|could not find any instance of Visual Studio/.test(output)) {
  useJavaScript("cmake found no C++ compiler: install one");
} else {
  process.stderr.write(output);
  process.exitCode = 1;
}
