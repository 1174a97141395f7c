// Builds the CUDA library with nvcc, as the package modelpress-cuda in build/modelpress-cuda.
//   node scripts/build-cuda.mjs [--arch 80]... [--output FOLDER]
//   node scripts/build-cuda.mjs --least-bytes 0
// takes arrays of any size to the device, which tests want.
// --arch builds for these alone: quicker, for one machine or a check. NVCC names another nvcc than the one on the path.
//   node scripts/build-cuda.mjs --shim [--if-stale]
// builds the same sources with the C++ compiler, for a stand-in of the CUDA runtime that runs kernels on the processor, into
// build/cuda-shim: for tests, and never part of a package.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const root = fileURLToPath(new URL("..", import.meta.url));
const sources = join(root, "native/cuda/library");
const standIn = join(root, "test/support/cuda");
const { values: options } = parseArgs({
  options: {
    arch: { type: "string", multiple: true },
    output: { type: "string", default: join(root, "build/modelpress-cuda") },
    "least-bytes": { type: "string" },
    shim: { type: "boolean", default: false },
    "if-stale": { type: "boolean", default: false },
  },
});
// What CUDA 13 knows from Turing on; later ones run the code for compute_90.
const ARCHITECTURES = ["75", "80", "86", "89", "90"];
const onWindows = process.platform === "win32";
const library = onWindows ? "modelpress_cuda.dll" : "modelpress_cuda.so";
const files = readdirSync(sources)
  .filter((name) => name.endsWith(".cu"))
  .map((name) => join(sources, name));

/**
 * @param {string} command
 * @param {string[]} args
 * @param {string} missing
 */
function run(command, args, missing) {
  const { status, error, stdout, stderr } = spawnSync(command, args, { encoding: "utf8" });
  if (error && "code" in error && error.code === "ENOENT") {
    console.log(missing);
    return false;
  }
  if (status === 0) return true;
  process.stderr.write(`${stdout}${stderr}${error?.message ?? ""}`);
  process.exit(1);
}

/** @param {string} folder */
function newest(folder) {
  return Math.max(...readdirSync(folder).map((name) => statSync(join(folder, name)).mtimeMs));
}

function buildShim() {
  const folder = join(root, "build/cuda-shim");
  const output = join(folder, library);
  if (onWindows) return console.log("The CUDA kernels are not tested on Windows, which has no ucontext.h.");
  const inputs = [sources, join(sources, ".."), join(root, "native/quantize"), standIn];
  if (
    options["if-stale"] &&
    existsSync(output) &&
    inputs.every((from) => newest(from) < statSync(output).mtimeMs)
  )
    return;
  mkdirSync(folder, { recursive: true });
  const compiler = process.env.CXX ?? "c++";
  const flags = [
    ...["-std=c++17", "-O1", "-fPIC", "-fvisibility=hidden", "-ffp-contract=off", "-U_FORTIFY_SOURCE"],
    ...["-Wall", "-Wextra", "-Wno-unknown-pragmas", `-I${standIn}`],
    '-DMODELPRESS_CUDA_NAME="cuda-shim"',
    // So that small arrays go there too, and tests see many chunks.
    ...["-DMODELPRESS_CUDA_LEAST_BYTES=0", "-DMODELPRESS_CUDA_CHUNK_BYTES=65536"],
  ];
  const missing = `The CUDA kernels are not tested: ${compiler}, which compiles them for this processor, was not found.`;
  const objects = files.map((file) => join(folder, `${file.slice(sources.length + 1)}.o`));
  const launcher = process.env.CMAKE_CXX_COMPILER_LAUNCHER;
  for (const [i, file] of files.entries()) {
    const args = [...flags, "-x", "c++", "-c", file, "-o", objects[i] ?? ""];
    const built = launcher ? run(launcher, [compiler, ...args], missing) : run(compiler, args, missing);
    if (!built) return;
  }
  run(compiler, ["-shared", "-o", output, ...objects], missing);
}

/** @param {string} folder */
function writeManifest(folder) {
  const { version, license } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const manifest = {
    name: "modelpress-cuda",
    version,
    description: "The CUDA kernels of modelpress",
    license,
    os: [process.platform],
    cpu: [process.arch],
    files: ["prebuilds"],
  };
  writeFileSync(join(folder, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
}

function buildLibrary() {
  const folder = join(options.output, "prebuilds", `${process.platform}-${process.arch}`);
  mkdirSync(folder, { recursive: true });
  const wanted = options.arch ?? ARCHITECTURES;
  const code = wanted.flatMap((arch) => ["-gencode", `arch=compute_${arch},code=sm_${arch}`]);
  const last = wanted.at(-1);
  const host = onWindows ? "/O2,/MD" : "-fPIC,-fvisibility=hidden,-Wall,-Wextra";
  const built = run(
    process.env.NVCC ?? "nvcc",
    [
      ...["-std=c++17", "-O3", "-shared", "-cudart", "static", "--threads", "2", "-Xcompiler", host],
      // A fused multiply-add rounds once where two operations round twice; quotients and square roots as IEEE 754 has them.
      ...["-fmad=false", "-prec-div=true", "-prec-sqrt=true", "-ftz=false"],
      ...code,
      ...(options["least-bytes"] ? [`-DMODELPRESS_CUDA_LEAST_BYTES=${options["least-bytes"]}`] : []),
      ...["-gencode", `arch=compute_${last},code=compute_${last}`],
      ...(onWindows ? [] : ["-Xlinker", "-s"]),
      ...["-o", join(folder, library), ...files],
    ],
    "The CUDA library was not built: nvcc was not found (install the CUDA toolkit 13, or name it in NVCC).",
  );
  if (!built) return;
  writeManifest(options.output);
  console.log(`Built ${join(folder, library)} for sm_${wanted.join(", sm_")} and PTX`);
}

if (options.shim) buildShim();
else buildLibrary();
