import type { MappedFile } from "../files/map-file.js";

/** Read at once where entries may be small, so that a system call serves many of them. */
const WINDOW_BYTES = 64 * 1024;
/** Before an entry that is larger than this, no other begins in the rest of a window. */
const SMALL_ENTRY_BYTES = 4096;
/** Nearly always an entry's header, its name, and what its data begins with. */
const HEAD_BYTES = 512;

/**
 * Reads what entries begin with, in order, into memory of its own. An array of a few bytes takes some hundred in an archive, and
 * there may be many thousands.
 */
export class HeadReader {
  private window = new Uint8Array(0);
  private begin = 0;
  /** Where the last was that was asked for. */
  private last = 0;

  constructor(private readonly file: MappedFile) {}

  /** Good until what it is read for is opened. */
  read(offset: number, length: number, field: string): Uint8Array<ArrayBuffer> {
    if (offset < this.begin || offset + length > this.begin + this.window.byteLength) {
      const near = offset >= this.last && offset - this.last <= SMALL_ENTRY_BYTES;
      const ahead = Math.min(near ? WINDOW_BYTES : HEAD_BYTES, this.file.size - offset);
      this.window = this.file.read(offset, Math.max(length, ahead), field);
      this.begin = offset;
    }
    this.last = offset;
    return this.window.subarray(offset - this.begin, offset - this.begin + length) as Uint8Array<ArrayBuffer>;
  }
}
