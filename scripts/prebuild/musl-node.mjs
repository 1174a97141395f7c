import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** No npm package has Node for musl as it is. This one has it with pnpm inside, which it starts from a file that lies beside it. */
const PACKAGE = "@pnpm/linuxstatic-x64@11.21.0";
const LOADER = "/lib/ld-musl-x86_64.so.1";
const START = `import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
process.argv.splice(1, 2, resolve(process.argv[2]));
import(pathToFileURL(process.argv[1]).href);
`;

/**
 * Node for musl on x64 Debian with the packages musl and g++, made once in `folder`: its path, and the environment it needs.
 *
 * @param {string} folder
 */
export function muslNode(folder) {
  if (!existsSync(LOADER)) throw new Error(`${LOADER} is not there: install musl, or run this on Alpine`);
  const made = join(folder, "node-musl-x64");
  const node = join(made, "package/pnpm");
  const libraries = join(made, "libraries");
  const shim = join(libraries, "shim.so");
  const env = { LD_LIBRARY_PATH: libraries, LD_PRELOAD: shim };
  if (existsSync(shim)) return { node, env };

  rmSync(made, { recursive: true, force: true });
  mkdirSync(libraries, { recursive: true });
  const tarball = execFileSync("npm", ["pack", "--silent", PACKAGE], { cwd: made, encoding: "utf8" }).trim();
  execFileSync("tar", ["xzf", tarball], { cwd: made });
  rmSync(join(made, tarball));
  chmodSync(node, 0o755);
  mkdirSync(join(made, "package/dist"));
  writeFileSync(join(made, "package/dist/pnpm.mjs"), START);

  // Debian's libstdc++ asks for glibc by name, and gets musl.
  for (const name of ["libc.so.6", "libm.so.6", "ld-linux-x86-64.so.2", "libc.musl-x86_64.so.1"])
    symlinkSync(LOADER, join(libraries, name));
  for (const name of ["libstdc++.so.6", "libgcc_s.so.1"]) {
    const found = execFileSync("g++", [`-print-file-name=${name}`], { encoding: "utf8" }).trim();
    symlinkSync(realpathSync(found), join(libraries, name));
  }
  const source = fileURLToPath(new URL("musl-node.c", import.meta.url));
  execFileSync("gcc", ["-shared", "-fPIC", "-O1", "-nostdlib", source, "-o", shim]);
  return { node, env };
}
