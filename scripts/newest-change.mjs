import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";

/**
 * When a file, or anything in a folder, was last changed.
 *
 * @param {string} path
 * @returns {number} milliseconds since 1970
 */
export function newestChange(path) {
  const stat = statSync(path);
  if (!stat.isDirectory()) return stat.mtimeMs;
  // A folder's own time tells of removed files.
  return Math.max(stat.mtimeMs, ...readdirSync(path).map((name) => newestChange(join(path, name))));
}
