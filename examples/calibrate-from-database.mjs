// Calibrate with samples from a database: an async generator asks for page after page, so that memory does not grow with the table.
// Here the table is a file of one JSON row per line; with a database `page` is a query, of node:sqlite or any client.
//   node examples/calibrate-from-database.mjs
import { createReadStream, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { compareModels, quantizeModel } from "modelpress";
import { labelledDigits } from "../scripts/labelled-digits.mjs";

const MODEL = "models/digits_cnn.onnx";
const PAGE = 64;

/**
 * select id, pixels, class from images where id > :after order by id limit :limit
 *
 * @param {string} table
 * @param {number} after
 * @param {number} limit
 * @returns {Promise<{ id: number, pixels: number[], class: number }[]>}
 */
async function page(table, after, limit) {
  const rows = [];
  for await (const line of createInterface({ input: createReadStream(table) })) {
    const row = JSON.parse(line);
    if (row.id > after && rows.push(row) === limit) break;
  }
  return rows;
}

/** The samples as the model takes them. @param {string} table */
async function* samples(table) {
  for (let rows = await page(table, -1, PAGE); rows.length > 0; ) {
    for (const row of rows)
      yield { feeds: { image: Float32Array.from(row.pixels, (pixel) => pixel / 255) }, label: row.class };
    rows = await page(table, rows.at(-1)?.id ?? 0, PAGE);
  }
}

const { calibration, test } = labelledDigits();
const folder = mkdtempSync(join(tmpdir(), "modelpress-example-"));
try {
  const table = join(folder, "images.jsonl");
  const rows = calibration.map(({ feeds, label }, id) => {
    const pixels = Array.from(feeds.image.data, (value) => Math.round(value * 255));
    return JSON.stringify({ id, pixels, class: label });
  });
  writeFileSync(table, `${rows.join("\n")}\n`);

  const output = join(folder, "digits_cnn.int8.onnx");
  const { samples: used } = await quantizeModel(MODEL, { output, data: samples(table) });
  const { accuracy } = await compareModels(MODEL, output, { data: test, latency: false });
  if (!accuracy || accuracy.difference < -0.01) throw new Error("the quantized model lost more than a point");
  console.log(
    `${used} rows of the table; accuracy ${accuracy.reference.toFixed(4)} became ${accuracy.candidate.toFixed(4)}`,
  );
} finally {
  rmSync(folder, { recursive: true });
}
