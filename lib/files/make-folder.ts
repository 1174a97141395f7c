import { mkdir, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";

/**
 * Makes a folder with those around it, and returns the outermost that was missing. Node's own recursive mkdir never ends where a
 * system takes no folder though the one around it is there, as in /proc.
 */
export async function makeFolder(path: string): Promise<string | undefined> {
  const missing: string[] = [];
  for (let folder = resolve(path); !(await isThere(folder)); folder = dirname(folder))
    missing.unshift(folder);
  for (const folder of missing)
    await mkdir(folder).catch((cause: NodeJS.ErrnoException) => {
      // Somebody else was quicker.
      if (cause.code !== "EEXIST") throw cause;
    });
  return missing[0];
}

function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
