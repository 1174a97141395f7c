// Builds the addon with AddressSanitizer and UndefinedBehaviorSanitizer and runs under them whatever tests its kernels: a byte
// read or written outside an array, an overflow or a bad conversion ends the run with the line that did it.
//   node scripts/sanitize.mjs [--quick]
// Needs g++ (its libasan comes with it) and Linux. --quick leaves out the tests and only compares the backends.
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, readFileSync, realpathSync, rmSync, symlinkSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const { values: options } = parseArgs({ options: { quick: { type: "boolean", default: false } } });
const root = fileURLToPath(new URL("..", import.meta.url));
const build = join(root, "build/sanitize");
const stage = join(build, "package");
const compiler = process.env.CXX ?? "g++";

/**
 * @param {string} command
 * @param {string[]} args
 * @param {NodeJS.ProcessEnv} [env]
 */
function run(command, args, env = {}) {
  const { status, signal, error } = spawnSync(command, args, {
    stdio: "inherit",
    cwd: stage,
    env: { ...process.env, ...env },
  });
  if (status === 0) return;
  console.error(`${command} ${args.join(" ")} failed: ${error?.message ?? signal ?? `exit code ${status}`}`);
  process.exit(1);
}

/** @param {string} library */
function libraryOf(library) {
  const { stdout } = spawnSync(compiler, [`-print-file-name=${library}`], { encoding: "utf8" });
  return realpathSync(stdout.trim());
}

// A package of its own: the loader takes the addon of the package it lies in.
rmSync(stage, { recursive: true, force: true });
mkdirSync(join(stage, "build/Release"), { recursive: true });
for (const part of ["package.json", "dist", "lib", "test", "models", "scripts", "vitest.config.ts"])
  cpSync(join(root, part), join(stage, part), { recursive: true });
symlinkSync(join(root, "node_modules"), join(stage, "node_modules"));

const sanitizers = "-fsanitize=address,undefined,float-cast-overflow -fno-sanitize-recover=all";
run("cmake", [
  ...["-S", root, "-B", join(build, "cmake"), "-Wno-dev", `-DCMAKE_CXX_COMPILER=${compiler}`],
  `-DCMAKE_CXX_FLAGS=-O1 -g1 -fno-omit-frame-pointer ${sanitizers}`,
  `-DCMAKE_LIBRARY_OUTPUT_DIRECTORY=${join(stage, "build/Release")}`,
]);
run("cmake", ["--build", join(build, "cmake"), "--parallel", "2"]);

// The runtime has to be there before Node's first allocation, and libstdc++ before the runtime looks for its throw.
const preload = { LD_PRELOAD: `${libraryOf("libasan.so")} ${libraryOf("libstdc++.so.6")}` };
const report = { UBSAN_OPTIONS: "print_stacktrace=1" };
const rounds = options.quick ? "40" : "300";
run(process.execPath, ["scripts/compare-backends.mjs", "--rounds", rounds], {
  ...preload,
  ...report,
  ASAN_OPTIONS: "detect_leaks=1",
});
if (!options.quick) {
  const tests = readdirSync(join(stage, "test")).filter(
    (name) =>
      name.endsWith(".test.ts") &&
      /backends\(\)|mapFile/.test(readFileSync(join(stage, "test", name), "utf8")),
  );
  const vitest = join(createRequire(import.meta.url).resolve("vitest/package.json"), "../vitest.mjs");
  // Some tests take a minute under the sanitizers, where they take a second without.
  const args = [vitest, "run", "--testTimeout", "900000", ...tests.map((name) => `test/${name}`)];
  run(process.execPath, args, {
    ...preload,
    ...report,
    // Not of interest here: what the test runner itself leaves behind.
    ASAN_OPTIONS: "detect_leaks=0",
  });
}
console.log("No sanitizer found anything.");
