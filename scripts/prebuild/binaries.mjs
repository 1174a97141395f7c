import { spawnSync } from "node:child_process";

/**
 * @typedef {object} Binary
 * @property {string} arch as process.arch
 * @property {string[]} libraries those that have to be there when it is loaded
 * @property {string[]} exports sorted
 * @property {string[]} [glibc] the versions of glibc whose symbols it needs
 * @property {string} [macos] the oldest macOS that loads it
 * @property {boolean} [signed]
 * @property {boolean} [stays] once loaded, until the process ends
 */

/**
 * @param {string} path
 * @param {string[]} args
 */
function objdump(path, ...args) {
  const { status, stdout, stderr, error } = spawnSync(
    process.env.LLVM_OBJDUMP ?? "llvm-objdump",
    [...args, path],
    { encoding: "utf8" },
  );
  if (status !== 0) throw new Error(`llvm-objdump of ${path} failed: ${error?.message ?? stderr}`);
  return stdout;
}

/** @param {string} text */
function archIn(text) {
  if (/x86[-_]64/i.test(text)) return "x64";
  return /aarch64|arm64/.test(text) ? "arm64" : "an unknown processor";
}

/**
 * The first group of every match.
 *
 * @param {string} text
 * @param {RegExp} pattern
 */
function all(text, pattern) {
  return [...new Set([...text.matchAll(pattern)].map((match) => match[1] ?? ""))].sort();
}

/** @param {string} path @returns {Binary} */
export function readElf(path) {
  const headers = objdump(path, "--private-headers");
  const symbols = objdump(path, "--dynamic-syms");
  return {
    arch: archIn(headers),
    libraries: all(headers, /^\s*NEEDED\s+(\S+)$/gm),
    // "... g    DF .text  0000000000000057  Base   napi_register_module_v1"
    exports: all(symbols, /^[0-9a-f]+ [gw] .{5} (?!\*UND\*)\S+\s+[0-9a-f]+\s+(?:\S+ +)?(\S+)$/gm),
    glibc: all(headers, /GLIBC_(\d+\.\d+)/g),
    // The flag NODELETE
    stays: all(headers, /FLAGS_1\s+0x([0-9a-f]+)/g).some((flags) => (Number.parseInt(flags, 16) & 8) !== 0),
  };
}

/** @param {string} path @returns {Binary} */
export function readPe(path) {
  const headers = objdump(path, "--private-headers");
  const exported = headers.slice(headers.indexOf("Export Table:"));
  return {
    arch: archIn(headers),
    libraries: all(headers, /^\s*DLL Name: (\S+)$/gm).filter((name) => !exported.startsWith(name)),
    exports: all(exported, /^\s+\d+\s+0x[0-9a-f]+\s+(\S+)$/gm),
  };
}

/** @param {string} path @returns {Binary} */
export function readMachO(path) {
  const headers = objdump(path, "--macho", "--private-headers");
  return {
    arch: archIn(objdump(path, "--macho", "--private-header", "--non-verbose").concat(headers)),
    libraries: all(headers, /cmd LC_LOAD_DYLIB\n.*\n\s+name (\S+)/g),
    exports: all(objdump(path, "--macho", "--exports-trie"), /^0x[0-9A-F]+\s+_(\S+)$/gim),
    ...{ macos: all(headers, /minos (\d+\.\d+)/g)[0] ?? "", signed: /LC_CODE_SIGNATURE/.test(headers) },
  };
}
