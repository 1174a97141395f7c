import { basename } from "node:path";
import type { Verification } from "../files/checksums.js";
import { recognizeFormat } from "../files/recognize-format.js";
import { verifyGguf } from "../gguf/checksum.js";
import { verifySafetensors } from "../safetensors/checksum.js";
import { colors } from "./colors.js";
import { label } from "./table.js";
import { addExamples, EXIT, UsageError, type Verb, type VerbContext } from "./verb.js";

export const verify: Verb = {
  configure(command) {
    command.argument("<file>", "a .safetensors file, the .index.json of a set, or a .gguf file");
    command.addHelpText(
      "after",
      "\nThe file must have been written with checksums: by convert --checksums, or writeSafetensors or writeGguf with checksums: true.\nExits with 1 when a tensor is damaged, missing or without a checksum.",
    );
    addExamples(command, "verify model.safetensors", "verify model.safetensors.index.json --json");
  },

  async run([file], _options, context) {
    const format = recognizeFormat(file!);
    const result = await verifyAs(format, file!, context);
    return {
      json: { file, format, ...result },
      text: render(basename(file!), result),
      exitCode: result.ok ? 0 : EXIT.failed,
    };
  },
};

function verifyAs(format: string, file: string, { signal, onProgress }: VerbContext): Promise<Verification> {
  if (format === "gguf") return verifyGguf(file, { signal, onProgress });
  if (format === "safetensors" || format === "safetensors-index")
    return verifySafetensors(file, { signal, onProgress });
  throw new UsageError(
    `${file} is ${format}; only safetensors and GGUF files hold checksums of their tensors`,
  );
}

function render(name: string, { ok, intact, damaged, unchecked, missing }: Verification): string {
  const title = colors.bold(label(name));
  if (ok) return `${title}: intact, ${intact.length} tensors agree with their SHA-256`;
  if (intact.length + damaged.length + missing.length === 0)
    return `${title}: cannot be verified, it holds no checksums`;
  const kinds = Object.entries({ damaged: damaged.map((tensor) => tensor.name), missing, unchecked }).filter(
    ([, names]) => names.length > 0,
  );
  const counts = kinds.map(([kind, names]) => `${names.length} ${kind}`);
  return [
    `${title}: ${counts.join(", ")}, ${intact.length} intact`,
    ...kinds.flatMap(([kind, names]) => names.map((tensor) => `${kind.padEnd(9)}  ${label(tensor)}`)),
  ].join("\n");
}
