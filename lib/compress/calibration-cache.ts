import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import * as z from "zod/mini";
import type { ObservedRange, ObserverOptions } from "../calibrate/observer.js";
import { DEFAULT_PERCENTILE } from "../calibrate/percentile-range.js";
import type { Dataset } from "../data/open-dataset.js";
import { ModelFormatError } from "../errors.js";
import { sha256 } from "../files/checksums.js";
import { mapFile } from "../files/map-file.js";
import { replaceFile } from "../files/replace-file.js";
import type { OnProgress } from "../progress.js";
import { chunksOf } from "../tensor.js";

/** A cache of a hundred thousand tensors has 15 MB. */
const MAX_BYTES = 64 * 1024 * 1024;

const digest = z.string().check(z.regex(/^[0-9a-f]{64}$/));
const range = z
  .strictObject({
    min: z.number(),
    max: z.number(),
    count: z.int().check(z.minimum(0)),
    /** null stands for Infinity, which JSON lacks. */
    sqnrDb: z.nullable(z.number()),
  })
  .check(z.refine(({ min, max }) => min <= max, "min is above max"));
const schema = z.strictObject({
  format: z.literal("modelpress calibration"),
  version: z.literal(1),
  model: digest,
  data: digest,
  method: z.string(),
  samples: z.int().check(z.minimum(1)),
  ranges: z.record(z.string(), range),
  checksum: digest,
});

/** What ranges depend on. */
interface CalibrationKey {
  /** SHA-256 of the model that is run: prepared, and with the tensors to calibrate as outputs. */
  readonly model: string;
  /** SHA-256 of the samples as the model gets them. */
  readonly data: string;
  readonly method: string;
}

interface Ranges {
  readonly samples: number;
  /** By tensor name. */
  readonly ranges: Record<string, ObservedRange>;
}

/** What became of a cache file. */
export interface CacheUse {
  path: string;
  /** Ranges were taken from it; or found, and written to it, which was not there before or held those of something else. */
  state: "used" | "written" | "replaced";
  /** What it was made for instead, where it was replaced. */
  reason?: string;
}

export interface CalibrationCache {
  /** What the file holds, where it was made for the same. */
  readonly held: Ranges | undefined;
  /** Writes ranges as JSON that people can read, whole or not at all. Throws FILE_UNWRITABLE. */
  store(found: Ranges): Promise<CacheUse>;
}

/**
 * Opens a file that keeps ranges for the next time. Reads the samples once, to know them again.
 *
 * @param files of the model that is run
 * @throws ModelFormatError CACHE_INVALID for a file that is damaged, changed by hand, of another version, or no cache at
 *   all, which must not be overwritten either
 */
export async function openCalibrationCache(
  path: string,
  files: readonly string[],
  dataset: Dataset,
  { method, percentile = DEFAULT_PERCENTILE }: ObserverOptions,
  onProgress?: OnProgress,
): Promise<CalibrationCache> {
  const cached = existsSync(path) ? readCalibration(path) : undefined;
  const key = {
    model: sha256Of(files.map(fileDigest).join()),
    data: await dataDigest(dataset, onProgress),
    method: method === "percentile" ? `${method} ${percentile}` : method,
  };
  const reason = cached && staleness(cached.key, key);
  return {
    held: reason === undefined ? cached : undefined,
    async store(found) {
      await writeCalibration(path, key, found);
      return reason === undefined ? { path, state: "written" } : { path, state: "replaced", reason };
    },
  };
}

function readCalibration(path: string): Ranges & { key: CalibrationKey } {
  const invalid = (message: string, cause?: unknown) =>
    new ModelFormatError("CACHE_INVALID", `${message}; remove it or name another file`, { path, cause });
  const file = mapFile(path);
  let parsed: z.infer<typeof schema>;
  try {
    if (file.size > MAX_BYTES) throw invalid("it is too large to be a calibration cache");
    parsed = schema.parse(JSON.parse(Buffer.from(file.read(0, file.size)).toString()));
  } catch (error) {
    if (error instanceof ModelFormatError) throw error;
    throw invalid(`it is not a calibration cache of this version: ${explain(error)}`, error);
  } finally {
    file.close();
  }
  const { checksum, ...content } = parsed;
  if (checksum !== sha256Of(JSON.stringify(content)))
    throw invalid("it is damaged or was changed by hand: its checksum does not fit");
  const { model, data, method, samples } = content;
  const ranges = Object.entries(content.ranges).map(
    ([name, { sqnrDb, ...rest }]) => [name, { ...rest, sqnrDb: sqnrDb ?? Number.POSITIVE_INFINITY }] as const,
  );
  return { key: { model, data, method }, samples, ranges: Object.fromEntries(ranges) };
}

async function writeCalibration(
  path: string,
  { model, data, method }: CalibrationKey,
  { samples, ranges }: Ranges,
): Promise<void> {
  const content = {
    format: "modelpress calibration",
    version: 1,
    model,
    data,
    method,
    samples,
    ranges: Object.fromEntries(
      Object.entries(ranges).map(([name, { min, max, count, sqnrDb }]) => [
        name,
        { min, max, count, sqnrDb: Number.isFinite(sqnrDb) ? sqnrDb : null },
      ]),
    ),
  };
  const checksum = sha256Of(JSON.stringify(content));
  const text = `${JSON.stringify({ ...content, checksum }, undefined, 2)}\n`;
  await replaceFile(path, (file) => file.write(Buffer.from(text)));
}

/** In what a cache differs from what is wanted, in plain words; undefined where it fits. */
function staleness(cached: CalibrationKey, wanted: CalibrationKey): string | undefined {
  const parts = (["model", "data", "method"] as const).filter((part) => cached[part] !== wanted[part]);
  return parts.length === 0 ? undefined : `another ${parts.join(", another ")}`;
}

async function dataDigest(dataset: Dataset, onProgress?: OnProgress): Promise<string> {
  const hash = createHash("sha256");
  const total = dataset.samples === undefined ? {} : { total: dataset.samples };
  let seen = 0;
  for await (const { feeds, count, padding } of dataset) {
    hash.update(`batch ${count} ${padding}\n`);
    for (const [name, { dtype, shape, data }] of Object.entries(feeds)) {
      hash.update(`${JSON.stringify(name)} ${dtype} ${shape.join()}\n`);
      for (const piece of chunksOf(data)) hash.update(piece);
    }
    seen += count;
    onProgress?.({ stage: "read samples", done: seen, ...total });
  }
  return hash.digest("hex");
}

function fileDigest(path: string): string {
  const file = mapFile(path);
  try {
    return sha256(file.region(0, file.size));
  } finally {
    file.close();
  }
}

function sha256Of(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

function explain(error: unknown): string {
  if (!(error instanceof z.core.$ZodError)) return (error as Error).message;
  const { path, message } = error.issues[0]!;
  return path.length === 0 ? message : `${path.map(String).join(".")}: ${message}`;
}
