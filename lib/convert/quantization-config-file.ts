import { dirname, join, resolve } from "node:path";
import { CONFIG_NAME, declaredFormat, QUANTIZATION_KEY } from "../compressed/quantization-config.js";
import { readConfig } from "../compressed/read-config.js";
import { outOfRange } from "../errors.js";
import { type ReplaceOptions, replaceFile } from "../files/replace-file.js";

/** A configuration to be written beside weights. */
export interface ConfigFile {
  readonly path: string;
  write(options: ReplaceOptions): Promise<void>;
}

/**
 * The configuration that has to lie beside `output` for its quantized weights to be understood: what stands there, or beside the
 * input, with how they are quantized added; `quantization` undefined: with what the input's says. Undefined where nothing says so.
 *
 * @throws RangeError for an output in the folder of the input, whose weights are not quantized so
 * @throws ModelFormatError for a configuration that is no JSON object
 */
export function quantizationConfigFile(
  input: string,
  output: string,
  quantization: object | undefined,
): ConfigFile | undefined {
  const [source, target] = [dirname(resolve(input)), dirname(resolve(output))];
  if (source === target && quantization === undefined) return undefined;
  if (source === target)
    throw outOfRange(
      `a folder other than the input's, because the ${CONFIG_NAME} in it says how its weights are quantized,`,
      "output",
      output,
    );
  const original = readConfig(source);
  const entry = quantization ?? (original && declaredFormat(original) && original[QUANTIZATION_KEY]);
  if (entry === undefined) return undefined;
  const config = { ...(readConfig(target) ?? original), [QUANTIZATION_KEY]: entry };
  const path = join(dirname(output), CONFIG_NAME);
  const bytes = Buffer.from(`${JSON.stringify(config, null, 2)}\n`);
  return { path, write: (options) => replaceFile(path, (file) => file.write(bytes), options) };
}
