import { ModelFormatError } from "../errors.js";

/** JSON's white space. */
const SPACE = /[ \t\n\r]*/y;
const ZERO = 48;
const SPACE_CODE = 32;
/** What would make more than an integer of the digits before it. */
const FRACTION = new Set<string | undefined>([".", "e", "E"]);
/** Escapes, and control characters, which JSON refuses. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: those are what is looked for
const SPECIAL = /[\\\u0000-\u001f]/;
const LITERAL = /(?:true|false|null|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)(?![\w.])/y;
/** numpy has no more axes. */
const MAX_INTEGERS = 64;
const MAX_SKIPPED_DEPTH = 16;
const LONE_SURROGATE = /\p{Surrogate}/u;

/** The text of a header that begins at byte `start` of a file. Throws TEXT_NOT_UTF8. */
export function decodeHeader(bytes: Uint8Array, path: string, start: number): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw notUtf8(path, start, cause);
  }
}

export function notUtf8(path: string, offset: number, cause?: unknown): ModelFormatError {
  return new ModelFormatError("TEXT_NOT_UTF8", "the header is not UTF-8", { path, offset, cause });
}

type SeenKeys = Pick<Set<string>, "has"> & { add?(key: string): void };

/**
 * A reader of the few shapes of JSON that a header may hold: objects, strings and lists of non-negative integers.
 * JSON.parse alone would keep the last of two equal keys in silence, and would nest as deep as a file asks.
 */
export class HeaderText {
  private at = 0;

  /** `start` is where the text begins in the file. */
  constructor(
    private readonly text: string,
    private readonly path: string,
    private readonly start: number,
  ) {}

  /** Throws unless the first thing is an object. Other readers look for its byte, so white space before it is refused. */
  begin(): void {
    if (!this.text.startsWith("{")) this.fail("the header must begin with {");
  }

  /**
   * Reads an object, calling `value` after each key to read what belongs to it; refuses a key that came before. A map into which
   * `value` puts all keys serves as `seen`, where they are many.
   */
  object(value: (key: string, position: number) => void, seen: SeenKeys = new Set<string>()): void {
    this.expect("{");
    if (this.accept("}")) return;
    do this.member(value, seen);
    while (this.accept(","));
    this.close();
  }

  /** Reads a key and what belongs to it. */
  member(value: (key: string, position: number) => void, seen: SeenKeys = new Set<string>()): void {
    this.skipSpace();
    const position = this.at;
    const key = this.string();
    if (seen.has(key)) this.repeated(key);
    seen.add?.(key);
    this.expect(":");
    value(key, position);
  }

  /** Throws for a key that was just read. */
  repeated(key: string): never {
    return this.fail(`key ${JSON.stringify(key)} comes twice`);
  }

  /** Reads the end of an object. */
  close(): void {
    this.expect("}");
  }

  string(): string {
    this.skipSpace();
    const from = this.at;
    if (this.text[from] !== '"') this.fail("expected a string");
    // Nearly all strings end at the next quote and are what they look like.
    const quote = this.text.indexOf('"', from + 1);
    const plain = this.text.slice(from + 1, quote);
    if (quote !== -1 && !SPECIAL.test(plain)) {
      this.at = quote + 1;
      return plain;
    }
    let end = from + 1;
    while (end < this.text.length && this.text[end] !== '"') end += this.text[end] === "\\" ? 2 : 1;
    let value: string;
    try {
      value = JSON.parse(this.text.slice(from, end + 1)) as string;
    } catch (cause) {
      return this.fail("malformed string", cause);
    }
    if (LONE_SURROGATE.test(value)) this.fail("a string holds half a character");
    this.at = end + 1;
    return value;
  }

  integers(): number[] {
    this.expect("[");
    const values: number[] = [];
    if (this.accept("]")) return values;
    do {
      this.skipSpace();
      if (values.length === MAX_INTEGERS) this.fail(`a list of more than ${MAX_INTEGERS} numbers`);
      values.push(this.integer());
    } while (this.accept(","));
    this.expect("]");
    return values;
  }

  private integer(): number {
    const from = this.at;
    let value = 0;
    let digit = this.text.charCodeAt(this.at) - ZERO;
    while (digit >= 0 && digit <= 9) {
      value = value * 10 + digit;
      digit = this.text.charCodeAt(++this.at) - ZERO;
    }
    const digits = this.at - from;
    const padded = digits > 1 && this.text[from] === "0";
    if (
      digits === 0 ||
      padded ||
      digits > 16 ||
      value > Number.MAX_SAFE_INTEGER ||
      FRACTION.has(this.text[this.at])
    ) {
      this.at = from;
      this.fail("expected an integer from 0 to 2^53 - 1");
    }
    return value;
  }

  /** Passes over a value of any shape, nested at most 16 deep. */
  skip(depth = 0): void {
    if (depth === MAX_SKIPPED_DEPTH) this.fail("values are nested too deep");
    this.skipSpace();
    const first = this.text[this.at];
    if (first === '"') this.string();
    else if (first === "{") this.object(() => this.skip(depth + 1));
    else if (first === "[") {
      this.expect("[");
      if (this.accept("]")) return;
      do this.skip(depth + 1);
      while (this.accept(","));
      this.expect("]");
    } else {
      LITERAL.lastIndex = this.at;
      const literal = LITERAL.exec(this.text)?.[0];
      if (literal === undefined) this.fail("expected a value");
      this.at += literal.length;
    }
  }

  /** Only the padding may follow. */
  end(): void {
    this.skipSpace();
    if (this.at < this.text.length) this.fail("bytes after the header's object");
  }

  /** Throws HEADER_INVALID at the current place. */
  fail(message: string, cause?: unknown): never {
    const offset = this.offsetOf(this.at);
    throw new ModelFormatError("HEADER_INVALID", message, { path: this.path, offset, cause });
  }

  /** The byte of the file at a position in the text. */
  offsetOf(position: number): number {
    return this.start + Buffer.byteLength(this.text.slice(0, position));
  }

  private expect(character: string): void {
    if (!this.accept(character)) this.fail(`expected ${character}`);
  }

  private accept(character: string): boolean {
    this.skipSpace();
    if (this.text[this.at] !== character) return false;
    this.at++;
    return true;
  }

  private skipSpace(): void {
    if (this.text.charCodeAt(this.at) > SPACE_CODE) return;
    SPACE.lastIndex = this.at;
    this.at += SPACE.exec(this.text)![0].length;
  }
}
