import type { ExplainedNode, ModelExplanation } from "../lint/explain-model.js";
import { ALONE } from "../lint/why-float.js";
import { colors } from "./colors.js";
import { label, printable, table } from "./table.js";

/** More are for --json. */
const MAX_ROWS = 40;
const MAX_NAMES = 5;

const RUNS: Record<ExplainedNode["run"], string> = {
  integer: "in integers",
  moved: "moves integers",
  "low-bit": "weights of few bits",
  index: "shapes and indices",
  float: "in float",
  gone: "folded away or fused",
};

/** What `inspect --why` prints after the description of a model. */
export function describeExplanation({ target, runtime, nodes, pairs, findings }: ModelExplanation): string {
  const source = runtime.measured
    ? `as onnxruntime ${runtime.version} fuses it`
    : `by rules, since onnxruntime did not load it: ${runtime.error}`;
  const alone = nodes.filter(({ why }) => why === ALONE);
  const kept = grouped(
    nodes.filter(({ why }) => why !== "" && why !== ALONE),
    ({ opType, why }) => `${opType}\0${withoutName(why)}`,
  );
  const reasons = [...kept.values()].map((group) => {
    const [{ opType, why }] = group as [ExplainedNode];
    const said = group.every((each) => each.why === why) ? why : withoutName(why);
    return `  ${label(opType)} ${some(group.map(({ name }) => name))}: ${printable(said)}`;
  });
  if (alone.length > 0) reasons.push(`  ${alone.length} more: ${ALONE}`);
  return [
    colors.bold(printable(`on ${target}, ${source}`)),
    table([["operator", "runs", "as", "nodes"], ...kernels(nodes)]),
    ...(reasons.length > 0 ? ["", "why:", ...limited(reasons)] : []),
    ...(pairs.length > 0 ? ["", "pairs left:", ...limited(pairs.map(describePair))] : []),
    ...(findings.length > 0 ? [""] : []),
    ...findings.map(({ severity, code, message, where }) =>
      printable(`${severity}: ${message}${where.length > 0 ? ` (${code}: ${some(where)})` : ` (${code})`}`),
    ),
  ].join("\n");
}

/** The same reason for many nodes is one line, whatever their tensors are called. */
function withoutName(why: string): string {
  return why.replace(/^its (input|output) \S+/, "its $1");
}

function describePair({ tensor, maker, readers, why }: ModelExplanation["pairs"][number]): string {
  const between = `${maker === undefined ? "the input" : label(maker)} -> ${readers.length > 0 ? some(readers) : "the output"}`;
  return `  ${label(tensor)} (${between}): ${printable(why)}`;
}

function kernels(nodes: readonly ExplainedNode[]): string[][] {
  const groups = grouped(nodes, ({ opType, run, kernel = "" }) => [opType, run, kernel].join("\0"));
  return [...groups].map(([key, group]) => {
    const [opType, run, kernel] = key.split("\0") as [string, ExplainedNode["run"], string];
    return [label(opType), RUNS[run], label(kernel), String(group.length)];
  });
}

function grouped<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group) group.push(item);
    else groups.set(keyOf(item), [item]);
  }
  return groups;
}

function some(names: readonly string[]): string {
  const shown = names.slice(0, MAX_NAMES).map(label).join(", ");
  return names.length > MAX_NAMES ? `${shown} and ${names.length - MAX_NAMES} more` : shown;
}

function limited(lines: readonly string[]): string[] {
  if (lines.length <= MAX_ROWS) return [...lines];
  return [...lines.slice(0, MAX_ROWS), `  and ${lines.length - MAX_ROWS} more; --json lists all`];
}
