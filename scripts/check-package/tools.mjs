import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../..", import.meta.url));

const tools = join(root, "build/check-package");
const npm = process.platform === "win32" ? "npm.cmd" : "npm";

/**
 * Runs a program to its end and returns what it wrote on stdout.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {string} cwd
 * @param {NodeJS.ProcessEnv} [env] beside this process's
 */
export function run(command, args, cwd, env) {
  const { status, signal, error, stdout, stderr } = spawnSync(command, args, {
    cwd,
    encoding: "utf8",
    env: { ...process.env, ...env },
    // What npm is on Windows only a shell runs.
    shell: command.endsWith(".cmd"),
    maxBuffer: 2 ** 27,
  });
  if (status === 0) return stdout;
  const said = `${stdout ?? ""}${stderr ?? ""}`.trim();
  throw new Error(
    `${command} ${args.join(" ")}: ${error?.message ?? signal ?? `exit code ${status}`}\n${said}`,
  );
}

/** @param {string[]} args @param {string} cwd */
export function runNpm(args, cwd) {
  return run(npm, args, cwd);
}

/** A package's command, of this repository's packages or of the tools. @param {string} name @param {string} file */
export function commandOf(name, file) {
  const found = [join(root, "node_modules"), join(tools, "node_modules")]
    .map((folder) => join(folder, name, file))
    .find((path) => existsSync(path));
  if (!found) throw new Error(`${name} is not installed`);
  return found;
}

/** Installs what scripts/check-package/tools lists, unless it is there. */
export function installTools() {
  const source = join(root, "scripts/check-package/tools");
  const lock = "package-lock.json";
  const current =
    existsSync(join(tools, "node_modules")) &&
    readFileSync(join(tools, lock), "utf8") === readFileSync(join(source, lock), "utf8");
  if (current) return;
  mkdirSync(tools, { recursive: true });
  for (const file of ["package.json", lock]) copyFileSync(join(source, file), join(tools, file));
  runNpm(["ci", "--ignore-scripts", "--no-audit", "--no-fund"], tools);
}
