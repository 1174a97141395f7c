import { fdatasync, fsync } from "node:fs";
import { open } from "node:fs/promises";
import { promisify } from "node:util";

/** By its descriptor, because a FileHandle cannot under Yarn's Plug'n'Play. */
export const syncFile = promisify(fsync);
export const syncData = promisify(fdatasync);

/** Some file systems take no such call, and a folder that may be written to may yet not be opened. */
const CANNOT_SYNC: ReadonlySet<string | undefined> = new Set(["EINVAL", "ENOTSUP", "EACCES"]);

/** Without this a crash may lose a new name although the bytes are on disk. Windows has no such call. */
export async function syncDirectory(path: string): Promise<void> {
  if (process.platform === "win32") return;
  try {
    const handle = await open(path, "r");
    await syncFile(handle.fd).finally(() => handle.close());
  } catch (error) {
    if (!CANNOT_SYNC.has((error as NodeJS.ErrnoException).code)) throw error;
  }
}
