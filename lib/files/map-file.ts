import { constants as bufferLimits } from "node:buffer";
import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { resolve } from "node:path";
import { loadNative, type NativeFiles } from "../backends/native.js";
import { ModelFormatError } from "../errors.js";
import type { ByteRegion } from "../tensor.js";
import { regularFileSize } from "./regular-file-size.js";

/** Node refuses single reads of 2 GiB and more. */
const CHUNK_BYTES = 64 * 1024 * 1024;
/** Of a file that is read once, about so much is in memory. */
const KEPT_BYTES = 32 * 1024 * 1024;

/** Where a mapping may begin on Windows; elsewhere pages are smaller. */
const STEP_BYTES = 65536;

/**
 * Regions up to half of this are mapped in windows, each half a window after the one before. A buffer of much more makes V8 collect
 * garbage, as if its memory could be won by that: 10 ms next to the work that the pages are wanted for (measured, 1 GB in Node 20).
 */
const WINDOW_BYTES = 16 * 1024 * 1024;

export interface MapOptions {
  /**
   * true: map the file, so that tensors are views of it and only what is looked at is ever read. A file that is replaced by
   * renaming, as every writer here does, is safe. One that another process has cut short gives DATA_TRUNCATED when a tensor is
   * asked for, but if that happens between asking and looking, looking at what is gone ends this process (SIGBUS; on Windows a
   * mapped file can be neither cut nor replaced). What is written to a view stays in this process and never reaches the file; it
   * may show in other views of the same bytes, such as a slice of the tensor, or not.
   * false: read what is asked for into memory of its own, for files that others may write to in place, and to be written to.
   * Default true where the addon is there.
   */
  mmap?: boolean | undefined;
  /**
   * true: let go of the pages of a mapped file whenever 32 MiB of it were asked for, so that reading a large one from end to end
   * takes little memory. They are read again where they are looked at again, and what was written to them is lost. Default false.
   */
  once?: boolean | undefined;
}

/** The bytes of a file that stays open. */
export interface MappedFile {
  readonly path: string;
  /** In bytes, when it was opened. */
  readonly size: number;
  /** For calls of the system; undefined once it is closed. */
  readonly descriptor: number | undefined;
  /** `length` bytes from `offset`, a view of the file where it can be mapped; `field` names them in errors. */
  region(offset: number, length: number, field?: string): ByteRegion;
  /** The same as an array; for at most 4 GiB, where Node's arrays of bytes end. */
  bytes(offset: number, length: number, field?: string): Uint8Array<ArrayBuffer>;
  /** The same, always read into memory of its own: what is checked there cannot change afterwards. For headers. */
  read(offset: number, length: number, field?: string): Uint8Array<ArrayBuffer>;
  /** Counts bytes that are looked at in what was handed out before, for a file that is read once. */
  look(length: number): void;
  /** Unmaps the file at once: every view of it becomes empty. Not while an asynchronous call still works on one. */
  close(): void;
}

const mapped = new WeakSet<ArrayBufferLike>();

/** True for memory that is the pages of a file. */
export function isMapped({ buffer }: ByteRegion): boolean {
  return mapped.has(buffer);
}

/** Of files that are read once: where in which of them the pages of a buffer begin. */
const origins = new WeakMap<ArrayBufferLike, { file: OpenFile; start: number }>();

/**
 * Copies bytes that may be the pages of a file. Of one that is read once the system is asked for them again: that takes three
 * quarters of the time that it takes to look at pages which are let go of afterwards (measured).
 *
 * @param to memory for as many bytes
 * @throws ModelFormatError FILE_UNREADABLE, DATA_TRUNCATED or FILE_CLOSED
 */
export function copyRegion({ buffer, byteOffset, byteLength }: ByteRegion, to: Uint8Array): void {
  const origin = origins.get(buffer);
  if (origin === undefined) to.set(new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength));
  else origin.file.readInto(to, origin.start + byteOffset);
}

/** Collected without close(): a mapping is given back by its buffer's own finalizer, a descriptor by this. */
const forgotten = new FinalizationRegistry<number>((descriptor) => closeSync(descriptor));

/**
 * Opens a regular file. Its data is mapped when it is first asked for, copy on write: what is written to a view never
 * reaches the file, and perhaps not a view of another region. Where nothing can be mapped (no addon, a runtime that takes no
 * memory from outside, a file system without) it is read.
 *
 * @throws ModelFormatError FILE_UNREADABLE; later DATA_TRUNCATED when a file that is read became shorter, or FILE_CLOSED
 */
export function mapFile(path: string, options: MapOptions = {}): MappedFile {
  const opened = loadNative().files?.open(path);
  if (opened !== undefined) return new OpenFile(path, opened[1], opened[0], options);
  let descriptor: number;
  try {
    // Without O_NONBLOCK a pipe would block until somebody writes to it.
    descriptor = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  } catch (cause) {
    throw unreadable(path, cause);
  }
  return mapDescriptor(descriptor, path, options);
}

/** The same for a file that is open already; its descriptor is closed with it, or at once where it is no regular file. */
export function mapDescriptor(descriptor: number, path: string, options: MapOptions = {}): MappedFile {
  try {
    const size = regularFileSize(descriptor);
    if (size === undefined) throw notAFile(path, descriptor);
    return new OpenFile(path, size, descriptor, options);
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
}

type Mapping = NonNullable<ReturnType<NativeFiles["mapFile"]>>;

class OpenFile implements MappedFile {
  descriptor: number | undefined;
  /** Of windows, of the whole file, or where that is more than a buffer can hold of each region that was asked for. */
  private readonly mappings = new Map<string, Mapping>();
  /** Bytes asked for since pages were let go of. */
  private looked = 0;

  constructor(
    readonly path: string,
    readonly size: number,
    descriptor: number,
    private readonly options: MapOptions,
  ) {
    this.descriptor = descriptor;
    forgotten.register(this, descriptor, this);
  }

  region(offset: number, length: number, field?: string): ByteRegion {
    const descriptor = this.check(offset, length, field);
    const { mmap = true } = this.options;
    if (!mmap || length === 0) return this.read(offset, length, field);
    this.look(length);
    const { start, size } = this.stretch(offset, length);
    const mapping = this.map(descriptor, start, size);
    if (mapping === undefined) return this.readRegion(descriptor, offset, length, field);
    if ((regularFileSize(descriptor) ?? 0) < offset + length) throw this.shorter(offset, field);
    return { buffer: mapping.buffer, byteOffset: offset - start, byteLength: length };
  }

  bytes(offset: number, length: number, field?: string): Uint8Array<ArrayBuffer> {
    const { buffer, byteOffset } = this.region(offset, length, field);
    return new Uint8Array(buffer as ArrayBuffer, byteOffset, length);
  }

  read(offset: number, length: number, field?: string): Uint8Array<ArrayBuffer> {
    return new Uint8Array(
      this.readRegion(this.check(offset, length, field), offset, length, field).buffer as ArrayBuffer,
    );
  }

  look(length: number): void {
    if (!this.options.once) return;
    this.looked += length;
    if (this.looked < KEPT_BYTES) return;
    for (const mapping of this.mappings.values()) mapping.forget();
    this.looked = 0;
  }

  close(): void {
    for (const { buffer, unmap } of this.mappings.values()) unmap(buffer);
    this.mappings.clear();
    if (this.descriptor === undefined) return;
    forgotten.unregister(this);
    closeSync(this.descriptor);
    this.descriptor = undefined;
  }

  /** What is mapped for the sake of a region. */
  private stretch(offset: number, length: number): { start: number; size: number } {
    const step = WINDOW_BYTES / 2;
    if (length <= step && loadNative().files?.uncounted) {
      const start = offset - (offset % step);
      return { start, size: Math.min(WINDOW_BYTES, this.size - start) };
    }
    if (this.size <= bufferLimits.MAX_LENGTH) return { start: 0, size: this.size };
    const start = offset - (offset % STEP_BYTES);
    return { start, size: offset + length - start };
  }

  private map(descriptor: number, offset: number, size: number): Mapping | undefined {
    const key = `${offset} ${size}`;
    const known = this.mappings.get(key);
    if (known !== undefined || size > bufferLimits.MAX_LENGTH) return known;
    try {
      const mapping = loadNative().files?.mapFile(descriptor, resolve(this.path), offset, size);
      if (mapping === undefined) return undefined;
      mapped.add(mapping.buffer);
      if (this.options.once) origins.set(mapping.buffer, { file: this, start: offset });
      this.mappings.set(key, mapping);
      return mapping;
    } catch {
      // Some file systems cannot map, and a process may have too many maps: reading works all the same.
      return undefined;
    }
  }

  private readRegion(descriptor: number, offset: number, length: number, field?: string): ByteRegion {
    const buffer = new ArrayBuffer(length);
    this.fill(descriptor, new Uint8Array(buffer), offset, field);
    return { buffer, byteOffset: 0, byteLength: length };
  }

  /** Reads into memory that is there. */
  readInto(to: Uint8Array, offset: number): void {
    this.fill(this.check(offset, to.byteLength), to, offset);
  }

  private fill(descriptor: number, to: Uint8Array, offset: number, field?: string): void {
    for (let done = 0; done < to.byteLength; ) {
      const size = Math.min(CHUNK_BYTES, to.byteLength - done);
      let bytesRead: number;
      try {
        bytesRead = readSync(descriptor, to, done, size, offset + done);
      } catch (cause) {
        throw unreadable(this.path, cause);
      }
      if (bytesRead === 0) throw this.shorter(offset + done, field);
      done += bytesRead;
    }
  }

  private shorter(offset: number, field?: string): ModelFormatError {
    const message = "the file became shorter since it was opened";
    return new ModelFormatError("DATA_TRUNCATED", message, { path: this.path, field, offset });
  }

  /** Formats check their own offsets and say more; this is what stands when one does not. */
  private check(offset: number, length: number, field?: string): number {
    const { path, size, descriptor } = this;
    if (descriptor === undefined)
      throw new ModelFormatError("FILE_CLOSED", "the file was closed; use its tensors before close()", {
        path,
      });
    if (offset >= 0 && length >= 0 && offset + length <= size) return descriptor;
    const message = `${length} bytes are wanted here, but the file ends at byte ${size}`;
    throw new ModelFormatError("DATA_TRUNCATED", message, { path, field, offset });
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file (ENOENT)",
  EACCES: "no permission to read it (EACCES)",
  ENAMETOOLONG: "its name or path is too long (ENAMETOOLONG)",
};

function unreadable(path: string, cause: unknown): ModelFormatError {
  const { code = "", message } = cause as NodeJS.ErrnoException;
  return new ModelFormatError("FILE_UNREADABLE", REASONS[code] ?? message, { path, cause });
}

function notAFile(path: string, descriptor: number): ModelFormatError {
  const message = fstatSync(descriptor).isDirectory()
    ? "this is a folder; name a file in it"
    : "this is not a regular file; write what it gives into one first";
  return new ModelFormatError("FILE_UNREADABLE", message, { path });
}
