// Runs every example and shows what it prints; an example ends with an error where its result is not what it should be.
//   node scripts/run-examples.mjs [NAME]...
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const names = process.argv.slice(2);
const found = readdirSync(`${root}/examples`).map((file) => file.replace(/\.mjs$/, ""));
const unknown = names.filter((name) => !found.includes(name));
if (unknown.length > 0) {
  console.error(`Expected names of ${found.join(", ")} but received ${unknown.join(", ")}`);
  process.exit(2);
}
const failed = [];
for (const name of names.length > 0 ? names : found) {
  console.log(`\n${name}`);
  const { status } = spawnSync(process.execPath, [`examples/${name}.mjs`], { cwd: root, stdio: "inherit" });
  if (status !== 0) failed.push(name);
}
if (failed.length > 0) {
  console.error(`\n${failed.join(", ")} failed`);
  process.exitCode = 1;
}
