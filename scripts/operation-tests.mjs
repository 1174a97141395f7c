import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/**
 * The tests of operations, which run on every backend; those of threads and of the event loop are about the addon.
 *
 * @param {string} root
 */
export function operationTests(root) {
  return readdirSync(join(root, "test"))
    .filter(
      (name) =>
        name.endsWith(".test.ts") &&
        !/^(async|threads|backends|cuda)/.test(name) &&
        /describe\.each\(backends\(\)\)/.test(readFileSync(join(root, "test", name), "utf8")),
    )
    .map((name) => `test/${name}`);
}
