import { createRequire } from "node:module";
import { dirname } from "node:path";

/**
 * The folder of the installed package, with the addon and the program for child processes. It is found by name, because a bundler may
 * have copied this code out of it.
 */
export function packageRoot(): string {
  return dirname(createRequire(import.meta.url).resolve("modelpress/package.json"));
}
