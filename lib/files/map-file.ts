import { constants as bufferLimits } from "node:buffer";
import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { resolve } from "node:path";
import { loadNative, type NativeFiles } from "../backends/native.js";
import { ModelFormatError } from "../errors.js";
import type { ByteRegion } from "../tensor.js";

/** Node refuses single reads of 2 GiB and more. */
const CHUNK_BYTES = 64 * 1024 * 1024;

/** Where a mapping may begin on Windows; elsewhere pages are smaller. */
const STEP_BYTES = 65536;

export interface MapOptions {
  /**
   * true: map the file, so that tensors are views of it and only what is looked at is ever read. Should another process
   * cut a mapped file short meanwhile, touching what is gone ends this process (SIGBUS); a file that is replaced by
   * renaming, as every writer here does, is safe. false: read what is asked for into memory, which gives
   * DATA_TRUNCATED instead. Default true where the addon is there.
   */
  mmap?: boolean | undefined;
}

/** The bytes of a file that stays open. */
export interface MappedFile {
  readonly path: string;
  /** In bytes, when it was opened. */
  readonly size: number;
  /** Whether regions are views of the file itself; otherwise each call reads into memory of its own. */
  readonly mapped: boolean;
  /** `length` bytes from `offset`, which must lie inside the file; `field` names them in errors. */
  region(offset: number, length: number, field?: string): ByteRegion;
  /** The same as an array; for at most 4 GiB, where Node's arrays of bytes end. */
  bytes(offset: number, length: number, field?: string): Uint8Array<ArrayBuffer>;
  /** Unmaps the file at once: every view of it becomes empty. Not while an asynchronous call still works on one. */
  close(): void;
}

let native: NativeFiles | undefined | null = null;

/** Collected without close(): a mapping is given back by its buffer's own finalizer, a descriptor by this. */
const forgotten = new FinalizationRegistry<number>((descriptor) => closeSync(descriptor));

/**
 * Opens a regular file and maps it, copy on write: what is written to a view never reaches the file.
 * Where nothing can be mapped (no addon, a runtime that takes no memory from outside, a file system without), it is read.
 *
 * @throws ModelFormatError FILE_UNREADABLE; DATA_TRUNCATED from `region` when a file that is read became shorter
 */
export function mapFile(path: string, { mmap = true }: MapOptions = {}): MappedFile {
  let descriptor: number;
  try {
    // Without O_NONBLOCK a pipe would block until somebody writes to it.
    descriptor = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  } catch (cause) {
    throw unreadable(path, cause);
  }
  try {
    const stat = fstatSync(descriptor);
    if (!stat.isFile()) throw unreadable(path, new Error("this is not a regular file"));
    const { size } = stat;
    if (!mmap || size === 0) return new ReadFile(path, size, descriptor);
    // Node 20 takes no more than 4 GiB of outside memory in one buffer.
    if (size > bufferLimits.MAX_LENGTH) return new MappedInParts(path, size, descriptor);
    const mapping = map(descriptor, path, 0, size);
    if (mapping === undefined) return new ReadFile(path, size, descriptor);
    closeSync(descriptor);
    return new Mapped(path, size, mapping);
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
}

type Mapping = NonNullable<ReturnType<NativeFiles["mapFile"]>>;

function map(descriptor: number, path: string, offset: number, size: number): Mapping | undefined {
  if (native === null) native = loadNative().files;
  try {
    return native?.mapFile(descriptor, resolve(path), offset, size);
  } catch {
    // Some file systems cannot map, and a process may have too many maps: reading works all the same.
    return undefined;
  }
}

class Mapped implements MappedFile {
  readonly mapped = true;
  constructor(
    readonly path: string,
    readonly size: number,
    private mapping: Mapping | undefined,
  ) {}

  region(offset: number, length: number, field?: string): ByteRegion {
    if (this.mapping === undefined) throw closed(this.path);
    requireInside(this, offset, length, field);
    return { buffer: this.mapping.buffer, byteOffset: offset, byteLength: length };
  }

  bytes(offset: number, length: number, field?: string): Uint8Array<ArrayBuffer> {
    return asBytes(this.region(offset, length, field));
  }

  close(): void {
    this.mapping?.unmap(this.mapping.buffer);
    this.mapping = undefined;
  }
}

/** A file over the limit of one buffer: every region that is asked for gets a mapping of its own. */
class MappedInParts implements MappedFile {
  private readonly parts = new Map<string, Mapping>();
  private readonly unmapped: ReadFile;
  constructor(
    readonly path: string,
    readonly size: number,
    private readonly descriptor: number,
  ) {
    this.unmapped = new ReadFile(path, size, descriptor);
  }

  get mapped(): boolean {
    return this.parts.size > 0;
  }

  region(offset: number, length: number, field?: string): ByteRegion {
    if (this.unmapped.closed) throw closed(this.path);
    requireInside(this, offset, length, field);
    const lead = offset % STEP_BYTES;
    const key = `${offset} ${length}`;
    const part =
      this.parts.get(key) ??
      (length > 0 && lead + length <= bufferLimits.MAX_LENGTH
        ? map(this.descriptor, this.path, offset - lead, lead + length)
        : undefined);
    if (part === undefined) return this.unmapped.region(offset, length, field);
    this.parts.set(key, part);
    return { buffer: part.buffer, byteOffset: lead, byteLength: length };
  }

  bytes(offset: number, length: number, field?: string): Uint8Array<ArrayBuffer> {
    return asBytes(this.region(offset, length, field));
  }

  close(): void {
    for (const { buffer, unmap } of this.parts.values()) unmap(buffer);
    this.parts.clear();
    this.unmapped.close();
  }
}

class ReadFile implements MappedFile {
  readonly mapped = false;
  private descriptor: number | undefined;
  constructor(
    readonly path: string,
    readonly size: number,
    descriptor: number,
  ) {
    this.descriptor = descriptor;
    forgotten.register(this, descriptor, this);
  }

  get closed(): boolean {
    return this.descriptor === undefined;
  }

  region(offset: number, length: number, field?: string): ByteRegion {
    if (this.descriptor === undefined) throw closed(this.path);
    requireInside(this, offset, length, field);
    const buffer = new ArrayBuffer(length);
    for (let done = 0; done < length; ) {
      const piece = new Uint8Array(buffer, done, Math.min(CHUNK_BYTES, length - done));
      let bytesRead: number;
      try {
        bytesRead = readSync(this.descriptor, piece, 0, piece.byteLength, offset + done);
      } catch (cause) {
        throw unreadable(this.path, cause);
      }
      if (bytesRead === 0)
        throw new ModelFormatError("DATA_TRUNCATED", "the file became shorter while it was read", {
          path: this.path,
          field,
          offset: offset + done,
        });
      done += bytesRead;
    }
    return { buffer, byteOffset: 0, byteLength: length };
  }

  bytes(offset: number, length: number, field?: string): Uint8Array<ArrayBuffer> {
    return asBytes(this.region(offset, length, field));
  }

  close(): void {
    if (this.descriptor === undefined) return;
    forgotten.unregister(this);
    closeSync(this.descriptor);
    this.descriptor = undefined;
  }
}

function asBytes({ buffer, byteOffset, byteLength }: ByteRegion): Uint8Array<ArrayBuffer> {
  return new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength);
}

/** Formats check their own offsets and say more; this is what stands when one does not. */
function requireInside({ path, size }: MappedFile, offset: number, length: number, field?: string): void {
  if (offset >= 0 && length >= 0 && offset + length <= size) return;
  const message = `${length} bytes are wanted here, but the file ends at byte ${size}`;
  throw new ModelFormatError("DATA_TRUNCATED", message, { path, field, offset });
}

function closed(path: string): ModelFormatError {
  return new ModelFormatError("FILE_CLOSED", "the file was closed; use its tensors before close()", { path });
}

function unreadable(path: string, cause: unknown): ModelFormatError {
  return new ModelFormatError("FILE_UNREADABLE", (cause as Error).message, { path, cause });
}
