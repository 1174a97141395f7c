import type { PickleSummary } from "../pickle/inspect-pickle.js";
import { colors } from "./colors.js";
import { bytes } from "./format.js";
import { label, printable, table } from "./table.js";

/** More are for --json. */
const MAX_ROWS = 200;

const FORMAT: Record<PickleSummary["format"], string> = {
  pickle: "Python pickle",
  joblib: "joblib's pickle, with arrays in it",
  "torch-zip": "torch.save: a zip archive with a pickle",
  "torch-legacy": "torch.save of before 1.6: five pickles and their data",
  zip: "a zip archive with pickles",
  compressed: "compressed; joblib writes such pickles",
};

const VERDICT: Record<PickleSummary["verdict"], string> = {
  data: "builds arrays and collections only",
  anything: "runs code that this file alone does not show",
  unclear: "unclear: not all of it could be looked at",
};

/** What `inspect` prints for a file that holds pickles. */
export function describePickle(name: string, summary: PickleSummary): string {
  const { format, size, compression, protocol, verdict, imports, problems, advice } = summary;
  const facts = [
    ["size", bytes(size)],
    ["format", `${FORMAT[format]}${compression === undefined ? "" : ` (${compression})`}`],
    ...(format === "compressed" ? [] : [["protocol", String(protocol)]]),
    ["loading it", VERDICT[verdict]],
    ...problems.map((problem) => ["problem", printable(problem)]),
  ];
  const width = Math.max(...facts.map(([key]) => key!.length));
  const rows = imports
    .slice(0, MAX_ROWS)
    .map(({ module, name: imported, calls, judgement }) => [
      label(`${module}.${imported}`),
      String(calls),
      judgement === "data" ? "builds data" : "can run anything",
    ]);
  const rest = imports.length - rows.length;
  return [
    colors.bold(label(name)),
    ...facts.map(([key, value]) => `${key!.padEnd(width)}  ${value}`),
    ...(rows.length === 0 ? [] : ["", table([["import", "calls", "which"], ...rows])]),
    ...(rest > 0 ? [`... and ${rest} more, which --json lists`] : []),
    "",
    ...advice,
  ].join("\n");
}
