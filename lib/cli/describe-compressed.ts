import type { CompressedGroup, CompressedSummary } from "../tensor-file/describe-compressed.js";
import { percent } from "./format.js";
import { label } from "./table.js";

/** What there is of weights in the compressed-tensors convention, as facts about a file. */
export function describeCompressed({ declared, groups }: CompressedSummary): [string, string][] {
  return [
    ...groups.map((group): [string, string] => ["compressed", describe(group)]),
    ["config.json", declared === undefined ? "says nothing of how they are stored" : label(declared)],
  ];
}

function describe({
  format,
  weights,
  bits,
  strategy,
  groupSize,
  symmetric,
  sparsity,
  problem,
}: CompressedGroup): string {
  const count = `${weights} ${weights === 1 ? "weight" : "weights"} as ${format}`;
  if (problem !== undefined) return `${count}; ${label(problem)}`;
  if (sparsity !== undefined) return `${count}: ${percent(sparsity)} zeros left out`;
  const scales = {
    tensor: "one scale each",
    channel: "a scale for each row",
    group: `groups of ${groupSize}`,
  };
  return `${count}: ${bits} bits, ${scales[strategy!]}, ${symmetric ? "symmetric" : "with zero points"}`;
}
