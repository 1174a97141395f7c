import { closeSync, constants, fstatSync, openSync, realpathSync } from "node:fs";
import { dirname, join, sep } from "node:path";
import { ModelFormatError } from "../errors.js";
import { type MapOptions, type MappedFile, mapDescriptor } from "../files/map-file.js";
import type { ByteRegion } from "../tensor.js";
import type { TensorProto } from "./proto/onnx_pb.js";
import { expectedBytes } from "./tensor-proto.js";

export interface ExternalLocation {
  location: string;
  offset: number;
  length: number;
  /** Bytes of the whole file. */
  fileSize: number;
}

/**
 * Files of tensor data beside a model. A model may only name files inside its own folder: no absolute paths, no `..`,
 * no links out of it, no second names of other files (ONNX external data specification and its security notes).
 */
export class ExternalData {
  private readonly files = new Map<string, { descriptor: number; file: MappedFile }>();

  constructor(
    private readonly modelPath: string,
    private readonly options: MapOptions = {},
  ) {}

  /** Where a tensor's bytes lie, checked against its shape and its file. Throws EXTERNAL_PATH, _MISSING or _RANGE. */
  locate(tensor: TensorProto): ExternalLocation {
    const entries = new Map(tensor.externalData.map(({ key, value }) => [key, value]));
    const location = entries.get("location") ?? "";
    const expected = expectedBytes(tensor, this.modelPath);
    if (expected === undefined)
      throw this.error("EXTERNAL_RANGE", tensor, "has a type that cannot be external");
    const offset = this.integer(tensor, "offset", entries.get("offset") ?? "0");
    const length = this.integer(tensor, "length", entries.get("length") ?? String(expected));
    if (length !== expected)
      throw this.error(
        "EXTERNAL_RANGE",
        tensor,
        `says ${length} bytes, but its shape and type need ${expected}`,
      );
    // Asked for anew: of a mapped file that became shorter, looking at what is gone would end the process.
    const { size } = fstatSync(this.open(location, tensor).descriptor);
    if (offset + length > size)
      throw this.error(
        "EXTERNAL_RANGE",
        tensor,
        `ends at byte ${offset + length} of ${JSON.stringify(location)}, which has ${size}; is that file complete?`,
      );
    return { location, offset, length, fileSize: size };
  }

  /** The bytes of one tensor, or a part of them: a view of its file where that can be mapped. */
  region(tensor: TensorProto, part?: { readonly from: number; readonly to: number }): ByteRegion {
    const { location, offset, length } = this.locate(tensor);
    const { file } = this.open(location, tensor);
    const { from, to } = part ?? { from: 0, to: length };
    return file.region(offset + from, to - from, `tensor ${JSON.stringify(tensor.name)}`);
  }

  close(): void {
    for (const { file } of this.files.values()) file.close();
    this.files.clear();
  }

  private open(location: string, tensor: TensorProto): { descriptor: number; file: MappedFile } {
    const known = this.files.get(location);
    if (known) return known;
    this.checkLocation(location, tensor);
    const path = join(dirname(this.modelPath), location);
    let descriptor: number;
    try {
      const folder = realpathSync(dirname(this.modelPath));
      const parent = realpathSync(dirname(path));
      if (parent !== folder && !parent.startsWith(folder.endsWith(sep) ? folder : folder + sep))
        throw this.error(
          "EXTERNAL_PATH",
          tensor,
          `names ${JSON.stringify(location)}, outside the model's folder`,
        );
      descriptor = openSync(
        path,
        constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0),
      );
    } catch (error) {
      if (error instanceof ModelFormatError) throw error;
      const { code } = error as NodeJS.ErrnoException;
      if (code === "ELOOP")
        throw this.error("EXTERNAL_PATH", tensor, `names ${path}, a symbolic link`, error);
      throw this.error(
        "EXTERNAL_MISSING",
        tensor,
        `needs ${path}, which cannot be opened (${code}); put it beside the model`,
        error,
      );
    }
    const stat = fstatSync(descriptor);
    if (!stat.isFile() || stat.nlink > 1) {
      closeSync(descriptor);
      const what = stat.isFile() ? "a file with a second name (hard link); copy it" : "not a regular file";
      throw this.error("EXTERNAL_PATH", tensor, `names ${path}, ${what}`);
    }
    const opened = { descriptor, file: mapDescriptor(descriptor, path, this.options) };
    this.files.set(location, opened);
    return opened;
  }

  private checkLocation(location: string, tensor: TensorProto): void {
    const parts = location.split("/");
    const plain = parts.every((part) => part !== "" && part !== "." && part !== "..");
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
    if (!plain || location.length > 4096 || /[\\:\u0000-\u001f]/.test(location))
      throw this.error(
        "EXTERNAL_PATH",
        tensor,
        `names ${JSON.stringify(location.slice(0, 200))}; only plain relative paths inside the model's folder are allowed`,
      );
  }

  private integer(tensor: TensorProto, key: string, text: string): number {
    const value = Number(text);
    if (!/^\d{1,16}$/.test(text) || !Number.isSafeInteger(value))
      throw this.error(
        "EXTERNAL_RANGE",
        tensor,
        `has ${key} ${JSON.stringify(text.slice(0, 40))}, not a byte count`,
      );
    return value;
  }

  private error(
    code: "EXTERNAL_PATH" | "EXTERNAL_MISSING" | "EXTERNAL_RANGE",
    tensor: TensorProto,
    message: string,
    cause?: unknown,
  ): ModelFormatError {
    const field = `tensor ${JSON.stringify(tensor.name)}`;
    return new ModelFormatError(code, `the tensor ${message}`, { path: this.modelPath, field, cause });
  }
}
