import { z } from "zod/mini";

const PREFIX = "bitmask:";

/** What a weight without its zeros was, where the convention's names do not say it: any tensor, stored as a matrix called LAYER.weight. */
export interface BitmaskNote {
  readonly name: string;
  readonly shape: readonly number[];
}

const NOTE = z.object({ name: z.string(), shape: z.array(z.int().check(z.positive())) });

/** The entry of the metadata: { "bitmask:/conv/w.weight": '{"name":"/conv/w","shape":[8,4,3,3]}' }. */
export function bitmaskNote(weight: string, { name, shape }: BitmaskNote): [string, string] {
  return [PREFIX + weight, JSON.stringify({ name, shape })];
}

export function isBitmaskNote(key: string): boolean {
  return key.startsWith(PREFIX);
}

/**
 * What the metadata says of a weight; undefined where it says nothing.
 *
 * @param invalid what to throw for an entry that cannot be read
 */
export function readBitmaskNote(
  metadata: ReadonlyMap<string, string>,
  weight: string,
  invalid: (message: string) => Error,
): BitmaskNote | undefined {
  const text = metadata.get(PREFIX + weight);
  if (text === undefined) return undefined;
  try {
    return NOTE.parse(JSON.parse(text));
  } catch (cause) {
    throw invalid(`its metadata says ${JSON.stringify(text.slice(0, 200))}: ${(cause as Error).name}`);
  }
}
