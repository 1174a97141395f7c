import type { LayerComparison } from "../runtime/compare-layers.js";
import { decibels } from "./format.js";
import { label, printable, table } from "./table.js";

/** Rows of each table: the worst ones are what is looked for, --json has them all. */
const ROWS = 10;
/** Above this nothing was lost: it is what a float32 computation differs by from itself in another order. */
const EXACT_DB = 140;

/** The worst nodes, activations and weights of a quantized model. */
export function layerTables({
  nodes,
  activations,
  weights,
  nodeSamples,
  warnings,
}: LayerComparison): string[] {
  return [
    ...worst(
      [`node, alone quantized (${nodeSamples} samples)`, "operator", "output SQNR"],
      nodes.map(({ name, opType, sqnrDb }) => [label(name), label(opType), loss(sqnrDb)]),
    ),
    ...worst(
      ["activation", "rounding (qdq_err)", "against float (xmodel_err)"],
      activations.map(({ name, qdqErr, xmodelErr }) => [
        label(name),
        loss(qdqErr),
        xmodelErr === undefined ? "" : loss(xmodelErr),
      ]),
    ),
    ...worst(
      ["weight", "SQNR"],
      weights.map(({ name, sqnrDb }) => [label(name), loss(sqnrDb)]),
    ),
    ...warnings.map((warning) => `warning: ${printable(warning)}`),
  ];
}

function worst(heading: string[], rows: string[][]): string[] {
  if (rows.length === 0) return [];
  const more = rows.length > ROWS ? [`... and ${rows.length - ROWS} better ones`] : [];
  return ["", table([heading, ...rows.slice(0, ROWS)]), ...more];
}

function loss(value: number): string {
  return decibels(value > EXACT_DB ? Number.POSITIVE_INFINITY : value);
}
