import { ModelFormatError } from "../errors.js";
import type { MappedFile } from "../files/map-file.js";
import { MAX_HEADER_BYTES } from "./limits.js";

/** Most headers end within it; others are read on in ever larger steps. */
const FIRST_BYTES = 64 * 1024;

/**
 * Reads a header of unknown length from its start, into memory of its own. Every length is checked against the file
 * before a byte is read for it.
 */
export class HeaderBytes {
  /** The next byte. */
  at = 0;
  private loaded: Uint8Array<ArrayBuffer>;
  private view: DataView;

  constructor(private readonly file: MappedFile) {
    this.loaded = file.read(0, Math.min(FIRST_BYTES, file.size));
    this.view = new DataView(this.loaded.buffer);
  }

  // Taken before the view is looked at: taking may load more, into a new one.
  uint8(): number {
    const from = this.take(1);
    return this.view.getUint8(from);
  }
  uint32(): number {
    const from = this.take(4);
    return this.view.getUint32(from, true);
  }

  /** A length or count, at most 2^53 - 1, refused above `limit`. */
  count(limit: number, what: string): number {
    const from = this.take(8);
    // Not as a bigint: that would be an object for each of perhaps a million numbers.
    const value = this.view.getUint32(from + 4, true) * 2 ** 32 + this.view.getUint32(from, true);
    if (value > limit)
      this.fail("HEADER_INVALID", `${this.view.getBigUint64(from, true)} ${what}, more than ${limit}`, from);
    return value;
  }

  /** A copy of the next bytes. */
  bytes(length: number): Uint8Array<ArrayBuffer> {
    const from = this.take(length);
    return this.loaded.slice(from, from + length);
  }

  string(limit: number, what: string): string {
    const length = this.count(limit, `bytes of ${what}`);
    const from = this.take(length);
    return decodeText(this.loaded.subarray(from, from + length), (cause) =>
      this.fail("TEXT_NOT_UTF8", `${what} is not UTF-8`, from, cause),
    );
  }

  skip(length: number): void {
    this.take(length);
  }

  fail(
    code: ConstructorParameters<typeof ModelFormatError>[0],
    message: string,
    offset = this.at,
    cause?: unknown,
  ): never {
    throw new ModelFormatError(code, message, { path: this.file.path, offset, cause });
  }

  private take(length: number): number {
    const from = this.at;
    const end = from + length;
    if (end > this.loaded.byteLength) this.load(end, from);
    this.at = end;
    return from;
  }

  private load(end: number, from: number): void {
    const { size } = this.file;
    if (end > size)
      this.fail(
        "DATA_TRUNCATED",
        `${end - from} bytes are wanted here, but the file ends at byte ${size}`,
        from,
      );
    if (end > MAX_HEADER_BYTES)
      this.fail("HEADER_TOO_LARGE", `the header takes more than ${MAX_HEADER_BYTES} bytes`, from);
    const length = Math.min(size, MAX_HEADER_BYTES, Math.max(end, 2 * this.loaded.byteLength));
    const grown = new Uint8Array(length);
    grown.set(this.loaded);
    grown.set(
      this.file.read(this.loaded.byteLength, length - this.loaded.byteLength),
      this.loaded.byteLength,
    );
    this.loaded = grown;
    this.view = new DataView(grown.buffer);
  }
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export function decodeText(bytes: Uint8Array, fail: (cause: unknown) => never): string {
  try {
    return decoder.decode(bytes);
  } catch (cause) {
    return fail(cause);
  }
}
