import { readFileSync } from "node:fs";
import { UsageError } from "./verb.js";

/** What a file of --overrides says by name; its entries are checked by whoever they are for. */
export function readOverrides<Overrides extends object | undefined>(path: string): Overrides {
  try {
    const value: unknown = JSON.parse(readFileSync(path, "utf8"));
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Overrides;
  } catch (error) {
    throw new UsageError(`--overrides: ${(error as Error).message}`);
  }
  throw new UsageError(`--overrides: ${path} is no JSON object of names`);
}
