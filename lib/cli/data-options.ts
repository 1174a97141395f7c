import { type Command, InvalidArgumentError } from "commander";
import type { DatasetSource } from "../data/open-dataset.js";
import { UsageError } from "./verb.js";

/** How the command line names samples, the same for every verb. */
export interface DataOptions {
  data?: string | undefined;
  input?: Record<string, string> | undefined;
}

interface Wanted {
  /** What the samples are for. */
  use: string;
  /** What is done without them. */
  otherwise?: string;
  required?: boolean;
}

/** Declares `--data` and `--input`. */
export function addDataOptions(command: Command, { use, otherwise, required }: Wanted): void {
  const otherwiseText = otherwise === undefined ? "" : `; default ${otherwise}`;
  const option = command.createOption(
    "--data <file>",
    `${use}: a .safetensors or .npz file with a tensor for each input, or a .mjs module${otherwiseText}`,
  );
  command
    .addOption(required ? option.makeOptionMandatory() : option)
    .option(
      "--input <name=tensor>",
      "the tensor of that file for this input, where it has another name; may be repeated",
      parseInput,
    );
}

/** Declares `--labels`, for verbs that compare with the right answers. */
export function addLabelsOption(command: Command): void {
  command.option(
    "--labels <tensor>",
    "the tensor of that file with a class for each sample; a module's samples carry their own",
  );
}

function parseInput(text: string, before: Record<string, string> = {}): Record<string, string> {
  const [, name, tensor] = /^(.+?)=(.+)$/.exec(text) ?? [];
  if (name === undefined || tensor === undefined)
    throw new InvalidArgumentError("Expected an input of the model and a tensor, such as image=x.");
  return { ...before, [name]: tensor };
}

/** What the options name. */
export function dataSource({ data, input }: DataOptions): DatasetSource | undefined {
  if (input === undefined) return data;
  if (data === undefined) throw new UsageError("--input needs --data");
  return { path: data, tensors: input };
}
