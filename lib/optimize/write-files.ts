import { cp } from "node:fs/promises";
import { basename, join } from "node:path";
import { makeFolder } from "../files/make-folder.js";
import { replaceFile } from "../files/replace-file.js";
import { modelFiles } from "../onnx/model-bytes.js";

/** Copies a model with its external data; the copy has a name of its own, its data files keep theirs. Returns its path. */
export async function copyModel(from: string, folder: string, name: string): Promise<string> {
  await makeFolder(folder);
  for (const file of modelFiles(from).keys())
    await cp(file, join(folder, file === from ? name : basename(file)));
  return join(folder, name);
}

/** Writes a text file whole or not at all. */
export async function writeText(path: string, text: string): Promise<void> {
  const bytes = new TextEncoder().encode(text);
  await replaceFile(path, (file) => file.write(bytes));
}
