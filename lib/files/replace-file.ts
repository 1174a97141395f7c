import { randomBytes } from "node:crypto";
import { type FileHandle, open, rename, rm, rmdir, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { ModelFormatError } from "../errors.js";
import type { ByteRegion } from "../tensor.js";
import { makeFolder } from "./make-folder.js";
import { isMapped } from "./map-file.js";
import { removeLeftovers, temporaryName } from "./remove-leftovers.js";
import { syncData, syncDirectory, syncFile } from "./sync.js";

/**
 * Node refuses single writes of 2 GiB and more, and writev takes at most IOV_MAX buffers. Calls of 64 MiB take longer than these, and
 * the longer the less memory is free; of 1 MiB too (measured, 1 GB on ext4 and tmpfs).
 */
const MAX_WRITE_BYTES = 8 * 1024 * 1024;
const MAX_BUFFERS = 1024;
/** What is copied first stays in the cache meanwhile. */
const COPY_BYTES = 2 * 1024 * 1024;
/** Windows refuses to rename onto a file that a virus scanner or reader holds open for a moment. */
const RENAME_DELAYS_MS = [10, 50, 250, 1000];

/** So much is on its way to the disk while the rest is written, instead of all of it being waited for in the end. */
const SYNC_FROM_BYTES = 16 * 1024 * 1024;

/** Receives the bytes of a file in order. Await each call: it bounds what is in flight. */
export interface FileSink {
  /** Appends one piece of memory or several, gathered from where they lie. A typed array is a piece. */
  write(bytes: ByteRegion | readonly ByteRegion[]): Promise<void>;
  /** Bytes appended so far. */
  readonly length: number;
}

export interface ReplaceOptions {
  /**
   * Wait until the disk has the bytes and the name, so that a power cut leaves the old file or the new one. Default true.
   * Without it only a crash of the process is survived, and writing takes about as long as copying the bytes.
   */
  sync?: boolean | undefined;
  /** Looked at before each 8 MiB or so, also within a tensor; what is written then is removed again. */
  signal?: AbortSignal | undefined;
}

/** One file to be written: where, and by what. Where the name depends on the bytes, `write` returns it. */
export interface Replacement {
  path: string;
  write: (file: FileSink) => Promise<void> | Promise<string>;
}

/**
 * Writes a file whole or not at all: into a temporary file beside it, flushed to disk, then renamed over `path`.
 * A folder that is missing is made. If `write` or the disk fails, the temporary file is removed, with the folders that were made for
 * it, and whatever stood at `path` is untouched. A symbolic link gives way to the file; what it names is untouched. Where a folder,
 * a pipe or a device stands, nothing is written.
 * Where the name depends on the bytes, `write` returns the name to use instead of the last part of `path`.
 *
 * @throws ModelFormatError FILE_UNWRITABLE, naming `path` and what the disk said; whatever `write` itself throws; the signal's reason
 */
export async function replaceFile(
  path: string,
  write: Replacement["write"],
  options: ReplaceOptions = {},
): Promise<void> {
  await replaceFiles([{ path, write }], options);
}

/**
 * The same for files that belong together: all are written before the first gets its name, and names are given in order,
 * so the file by which readers find the others comes last. A crash between two names leaves the first
 * of them, so they must be names that nothing refers to before the last one is given. Temporary files that a crash left are removed by
 * a later write to the same path, an hour or more after.
 */
export async function replaceFiles(
  replacements: readonly Replacement[],
  { sync = true, signal }: ReplaceOptions = {},
): Promise<void> {
  const staged: Staged[] = [];
  try {
    for (const replacement of replacements) await stage(replacement, { sync, signal }, staged);
    for (const { path, temporary, name } of staged)
      await forWriting(path, renameWithRetry(temporary, join(dirname(path), name)));
  } catch (error) {
    // What went wrong first is what is told.
    for (const { temporary } of staged) await rm(temporary, { force: true }).catch(() => undefined);
    for (const { path, made } of staged.toReversed()) if (made) await removeFolders(dirname(path), made);
    throw error;
  }
  if (sync)
    for (const [folder, path] of new Map(staged.map(({ path }) => [dirname(path), path])))
      await forWriting(path, syncDirectory(folder));
  for (const { path } of staged) await removeLeftovers(path);
}

interface Staged {
  path: string;
  temporary: string;
  name: string;
  /** The outermost folder that was made for it. */
  made: string | undefined;
}

async function stage(
  { path, write }: Replacement,
  { sync, signal }: ReplaceOptions,
  staged: Staged[],
): Promise<void> {
  await requireFile(path);
  const temporary = join(dirname(path), temporaryName(path, process.pid, randomBytes(4).toString("hex")));
  const made = await forWriting(path, makeFolder(dirname(path)));
  const entry = { path, temporary, name: basename(path), made };
  staged.push(entry);
  const handle = await forWriting(path, open(temporary, "wx", 0o666));
  const sink = new HandleSink(handle, path, { sync, signal });
  try {
    const chosen = await write(sink);
    if (chosen) entry.name = chosen;
    await sink.finish();
  } finally {
    await sink.settled();
    await handle.close();
  }
}

/** To rename onto a device or a pipe, or a link to one such as /dev/stdout, would take it away from all who use it. */
async function requireFile(path: string): Promise<void> {
  const there = await stat(path).catch(() => undefined);
  if (there === undefined || there.isFile()) return;
  const what = there.isDirectory() ? "it is a folder" : "it is a pipe or a device, not a file";
  throw new ModelFormatError("FILE_UNWRITABLE", `the file cannot be written: ${what}`, { path });
}

/** From the inside out, as long as they are empty: others may have put something there. */
async function removeFolders(innermost: string, outermost: string): Promise<void> {
  for (let folder = resolve(innermost); ; folder = dirname(folder)) {
    const removed = await rmdir(folder).then(
      () => true,
      () => false,
    );
    if (!removed || folder === resolve(outermost)) return;
  }
}

const REASONS: Record<string, string> = {
  ENOENT: "its folder is gone",
  ENOTDIR: "its folder is a file",
  EEXIST: "its folder is a file",
  EISDIR: "it is a folder",
  EACCES: "no permission",
  EROFS: "the disk is read-only",
  ENAMETOOLONG: "its name or path is too long",
  ENOSPC: "the disk is full; what stood there is untouched",
  EDQUOT: "the quota is used up; what stood there is untouched",
  EFBIG: "the file would pass the size limit; what stood there is untouched",
};

/** Names the file that the user asked for, not the temporary one. */
async function forWriting<T>(path: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (cause) {
    const { code = "", message } = cause as NodeJS.ErrnoException;
    const reason = REASONS[code] ?? message;
    throw new ModelFormatError("FILE_UNWRITABLE", `the file cannot be written: ${reason} (${code})`, {
      path,
      cause,
    });
  }
}

class HandleSink implements FileSink {
  length = 0;
  private copies: [Uint8Array, Uint8Array] | undefined;
  /** The length when the disk was last set to work. */
  private synced = 0;
  private syncing: Promise<void> | undefined;
  private isSyncing = false;

  constructor(
    private readonly handle: FileHandle,
    private readonly path: string,
    private readonly options: ReplaceOptions,
  ) {}

  /** Waits until the disk has all of it, where that is wanted. */
  async finish(): Promise<void> {
    await this.syncing;
    if (this.options.sync) await forWriting(this.path, syncFile(this.handle.fd));
  }

  /** Until then the descriptor is in use. */
  async settled(): Promise<void> {
    await this.syncing?.catch(() => undefined);
  }

  async write(bytes: ByteRegion | readonly ByteRegion[]): Promise<void> {
    const pieces = ("buffer" in bytes ? [bytes] : bytes).flatMap(splitLarge);
    for (let start = 0; start < pieces.length; ) {
      this.options.signal?.throwIfAborted();
      let end = start;
      let size = 0;
      while (end < pieces.length && end - start < MAX_BUFFERS && size < MAX_WRITE_BYTES)
        size += pieces[end++]!.byteLength;
      if (size > COPY_BYTES && pieces.slice(start, end).some(isMapped))
        for (const piece of pieces.slice(start, end)) await this.writeCopied(piece);
      else await this.writeAll(pieces.slice(start, end));
      this.length += size;
      start = end;
      await this.syncBehind();
    }
  }

  /** Sets the disk to work on what is written already, unless it is at it. Throws what it could not do the last time. */
  private async syncBehind(): Promise<void> {
    if (!this.options.sync || this.isSyncing || this.length - this.synced < SYNC_FROM_BYTES) return;
    await this.syncing;
    this.synced = this.length;
    this.isSyncing = true;
    this.syncing = forWriting(this.path, syncData(this.handle.fd)).finally(() => {
      this.isSyncing = false;
    });
    // Whoever waits for it next is told.
    this.syncing.catch(() => undefined);
  }

  /**
   * Pages of a file that a system call finds not yet there cost it twice the time that copying them here takes (measured), and that
   * much of which is done while the system takes the part before.
   */
  private async writeCopied(piece: Uint8Array): Promise<void> {
    this.copies ??= [new Uint8Array(COPY_BYTES), new Uint8Array(COPY_BYTES)];
    let written: Promise<void> | undefined;
    for (let at = 0, turn = 0; at < piece.byteLength; at += COPY_BYTES, turn ^= 1) {
      const part = piece.subarray(at, at + COPY_BYTES);
      const copy = this.copies[turn]!.subarray(0, part.byteLength);
      copy.set(part);
      await written;
      written = this.writeAll([copy]);
    }
    await written;
  }

  /** A disk may take less than it was given; the rest is offered again. */
  private async writeAll(pieces: Uint8Array[]): Promise<void> {
    let rest = pieces;
    while (rest.length > 0) {
      let { bytesWritten } = await forWriting(this.path, this.handle.writev(rest));
      let whole = 0;
      while (whole < rest.length && bytesWritten >= rest[whole]!.byteLength)
        bytesWritten -= rest[whole++]!.byteLength;
      rest = rest.slice(whole);
      if (rest.length > 0 && bytesWritten > 0) rest[0] = rest[0]!.subarray(bytesWritten);
    }
  }
}

function splitLarge({ buffer, byteOffset, byteLength }: ByteRegion): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < byteLength; at += MAX_WRITE_BYTES)
    pieces.push(new Uint8Array(buffer, byteOffset + at, Math.min(MAX_WRITE_BYTES, byteLength - at)));
  return pieces;
}

async function renameWithRetry(from: string, to: string): Promise<void> {
  for (const delay of RENAME_DELAYS_MS) {
    try {
      return await rename(from, to);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (process.platform !== "win32" || (code !== "EPERM" && code !== "EACCES" && code !== "EBUSY"))
        throw error;
      await new Promise((resolve) => setTimeout(resolve, delay));
    }
  }
  await rename(from, to);
}
