import { ModelFormatError } from "../errors.js";

/** What a header says, in Python's words. */
export interface HeaderFields {
  /** The type as text such as "<f4"; undefined for a list of named fields. */
  readonly descriptor: string | undefined;
  readonly fortranOrder: boolean;
  readonly shape: readonly number[];
}

export interface LiteralPlace {
  readonly path: string;
  readonly field: string | undefined;
  /** Byte of the file at which the literal begins. */
  readonly start: number;
}

const SPACE = /\s*/y;
/** Longer ones are no key, type or name of a field. */
const STRING = /'([^'\\\n]{0,255})'|"([^"\\\n]{0,255})"/y;
/** Python 2 wrote long integers with an L. */
const INTEGER = /(0|[1-9]\d{0,15})L?/y;
const BOOLEAN = /(?:True|False)(?!\w)/y;

const LEADING_ZERO = /(?:^| )0\d/;
/** As numpy writes it, which is read at once; everything else is read piece by piece, with the same result. */
const PLAIN =
  /^\{'descr': '([^'\\\n]{0,255})', 'fortran_order': (True|False), 'shape': \((|\d{1,15},|\d{1,15}(?:, \d{1,15})+)\), \} *\n$/;

/**
 * A reader of the one Python literal that a header may be: a dict of 'descr', 'fortran_order' and 'shape', each once. It
 * evaluates nothing, and passes over a list of named fields without looking in.
 */
export class HeaderLiteral {
  private readonly text: string;
  private at = 0;

  constructor(
    bytes: Uint8Array,
    utf8: boolean,
    private readonly place: LiteralPlace,
  ) {
    this.text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString(
      utf8 ? "utf8" : "latin1",
    );
  }

  read(): HeaderFields {
    const plain = PLAIN.exec(this.text);
    if (plain !== null && !LEADING_ZERO.test(plain[3]!)) {
      const sizes = plain[3]!.split(",").filter((size) => size !== "");
      return { descriptor: plain[1], fortranOrder: plain[2] === "True", shape: sizes.map(Number) };
    }
    let descriptor: string | undefined;
    let fortranOrder: boolean | undefined;
    let shape: readonly number[] | undefined;
    const seen = new Set<string>();
    this.expect("{");
    while (!this.accept("}")) {
      const key = this.string("a key");
      if (seen.has(key)) throw this.invalid(`key ${JSON.stringify(key)} comes twice`);
      seen.add(key);
      this.expect(":");
      if (key === "descr") descriptor = this.descriptor();
      else if (key === "fortran_order") fortranOrder = this.match(BOOLEAN, "True or False")[0] === "True";
      else if (key === "shape") shape = this.shape();
      else throw this.invalid(`unknown key ${JSON.stringify(key)}`);
      if (!this.accept(",") && this.peek() !== "}") throw this.invalid("expected , or }");
    }
    this.skipSpace();
    if (this.at < this.text.length) throw this.invalid("something follows the dict");
    if (!seen.has("descr") || fortranOrder === undefined || shape === undefined)
      throw this.invalid("descr, fortran_order and shape are all needed");
    return { descriptor, fortranOrder, shape };
  }

  /** HEADER_INVALID at the current place. */
  invalid(message: string): ModelFormatError {
    const { path, field, start } = this.place;
    return new ModelFormatError("HEADER_INVALID", message, { path, field, offset: start + this.at });
  }

  private descriptor(): string | undefined {
    if (this.peek() !== "[" && this.peek() !== "(") return this.string("a type");
    this.skipBrackets();
    return undefined;
  }

  /** To the bracket that closes this one; strings may hold brackets of their own. */
  private skipBrackets(): void {
    let depth = 0;
    do {
      const character = this.peek();
      if (character === "'" || character === '"') this.string("a name");
      else if (character === undefined) throw this.invalid("the list of named fields does not end");
      else {
        this.at++;
        if (character === "[" || character === "(") depth++;
        if (character === "]" || character === ")") depth--;
      }
    } while (depth > 0);
  }

  private shape(): number[] {
    const sizes: number[] = [];
    this.expect("(");
    let comma = true;
    while (!this.accept(")")) {
      if (!comma) throw this.invalid("expected , or )");
      const size = Number(this.match(INTEGER, "a size from 0 to 2^53 - 1")[1]);
      if (!Number.isSafeInteger(size)) throw this.invalid("a size passes 2^53 - 1");
      sizes.push(size);
      comma = this.accept(",");
    }
    if (sizes.length === 1 && !comma) throw this.invalid("a tuple of one size needs a comma");
    return sizes;
  }

  private string(what: string): string {
    const [, single, double] = this.match(STRING, what);
    return single ?? double!;
  }

  private match(pattern: RegExp, what: string): RegExpExecArray {
    this.skipSpace();
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text);
    if (found === null) throw this.invalid(`expected ${what}`);
    this.at += found[0].length;
    return found;
  }

  private expect(character: string): void {
    if (!this.accept(character)) throw this.invalid(`expected ${character}`);
  }

  private accept(character: string): boolean {
    if (this.peek() !== character) return false;
    this.at++;
    return true;
  }

  private peek(): string | undefined {
    this.skipSpace();
    return this.text[this.at];
  }

  private skipSpace(): void {
    SPACE.lastIndex = this.at;
    this.at += SPACE.exec(this.text)![0].length;
  }
}
