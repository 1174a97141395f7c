import type { Report } from "../../optimize/report.js";
import { Name, Section } from "./parts.js";
import { Table } from "./table.js";
import { plural, shortName, signed, whole } from "./text.js";

interface Row {
  opType: string;
  before: number;
  after: number;
}

/** How many of each operator the graph has before and after. */
export function Operators({ report: { ops } }: { report: Report }) {
  // A map, since an operator may be called like a method of every object.
  const before = new Map(Object.entries(ops.before));
  const after = new Map(Object.entries(ops.after));
  const rows = [...new Set([...before.keys(), ...after.keys()])]
    .map((opType): Row => ({ opType, before: before.get(opType) ?? 0, after: after.get(opType) ?? 0 }))
    .sort((a, b) => b.after + b.before - a.after - a.before);
  const most = Math.max(1, ...before.values(), ...after.values());
  return (
    <Section id="operators" title="Operators" takeaway={takeaway(rows)}>
      {rows.length > 0 && (
        <Table
          caption="Operators before and after"
          rows={rows}
          columns={[
            {
              title: "Operator",
              names: true,
              by: (row) => row.opType,
              cell: (row) => <Name text={row.opType} />,
            },
            { title: "Before", numeric: true, by: (row) => row.before, cell: (row) => whole(row.before) },
            { title: "After", numeric: true, by: (row) => row.after, cell: (row) => whole(row.after) },
            {
              title: "Change",
              numeric: true,
              by: (row) => row.after - row.before,
              cell: (row) => (row.after === row.before ? "" : signed(row.after - row.before, 0)),
            },
            { title: "", cell: (row) => <TwoBars row={row} most={most} /> },
          ]}
        />
      )}
    </Section>
  );
}

function TwoBars({ row, most }: { row: Row; most: number }) {
  return (
    <span class="two-bars" aria-hidden="true">
      <span class="original" style={{ width: `${(row.before / most) * 100}%` }} />
      <span class="result" style={{ width: `${(row.after / most) * 100}%` }} />
    </span>
  );
}

function takeaway(rows: readonly Row[]): string {
  const sum = (side: "before" | "after") => rows.reduce((total, row) => total + row[side], 0);
  const change = (row: Row) => row.after - row.before;
  const [added] = rows.filter((row) => change(row) > 0).sort((a, b) => change(b) - change(a));
  const [gone] = rows.filter((row) => change(row) < 0).sort((a, b) => change(a) - change(b));
  const parts = [
    added && `${plural(change(added), "more", "more")} ${shortName(added.opType, 40)}`,
    gone && `${plural(-change(gone), "fewer", "fewer")} ${shortName(gone.opType, 40)}`,
  ].filter(Boolean);
  return `${plural(sum("before"), "operator")} became ${whole(sum("after"))}${parts.length ? `: ${parts.join(", ")}` : ""}.`;
}
