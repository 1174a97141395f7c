import type { Report, ReportLayer } from "../../optimize/report.js";
import { Name, Section } from "./parts.js";
import { Table } from "./table.js";
import { decibels, number, plural, shortName } from "./text.js";

type Range = NonNullable<ReportLayer["ranges"]>[number];

/** What calibration found each quantized tensor to span. */
export function Ranges({ report }: { report: Report }) {
  const ranges = [
    ...new Map(
      report.layers.flatMap((layer) => (layer.ranges ?? []).map((range) => [range.tensor, range])),
    ).values(),
  ];
  if (ranges.length === 0)
    return (
      <Section
        id="ranges"
        title="Calibrated ranges"
        takeaway="No activation is quantized by a range, so that none was measured."
      />
    );
  const place = placeOver(ranges);
  return (
    <Section id="ranges" title="Calibrated ranges" takeaway={takeaway(ranges)}>
      <Table
        caption="Ranges of quantized tensors"
        rows={ranges}
        page={20}
        columns={[
          {
            title: "Tensor",
            names: true,
            by: ({ tensor }) => tensor,
            cell: ({ tensor }) => <Name text={tensor} limit={48} />,
          },
          { title: "Range", cell: (range) => <RangeBar range={range} place={place} /> },
          { title: "From", numeric: true, by: ({ min }) => min, cell: ({ min }) => number(min) },
          { title: "To", numeric: true, by: ({ max }) => max, cell: ({ max }) => number(max) },
          { title: "Step", numeric: true, by: ({ scale }) => scale, cell: ({ scale }) => number(scale) },
          {
            title: "Zero at",
            numeric: true,
            by: ({ zeroPoint }) => zeroPoint,
            cell: ({ zeroPoint }) => number(zeroPoint),
          },
          { title: "Type", by: ({ dtype }) => dtype, cell: ({ dtype }) => shortName(dtype, 20) },
          {
            title: "Signal to noise",
            numeric: true,
            by: ({ sqnrDb }) => sqnrDb ?? Number.POSITIVE_INFINITY,
            cell: ({ sqnrDb }) => decibels(sqnrDb),
          },
        ]}
      />
    </Section>
  );
}

/** Shares of the width. Far out the axis is compressed (inverse hyperbolic sine), since ranges differ by powers of ten. */
function placeOver(ranges: readonly Range[]): (value: number) => number {
  const spans = ranges.map(({ min, max }) => max - min).sort((a, b) => a - b);
  const typical = spans[spans.length >> 1] || 1;
  const bend = (value: number) => Math.asinh(value / typical);
  const low = Math.min(0, ...ranges.map(({ min }) => bend(min)));
  const high = Math.max(0, ...ranges.map(({ max }) => bend(max)));
  return (value) => (bend(value) - low) / (high - low || 1);
}

function RangeBar({ range: { min, max }, place }: { range: Range; place: (value: number) => number }) {
  const from = place(Math.min(min, max));
  const to = place(Math.max(min, max));
  return (
    <span class="range" aria-hidden="true">
      <span class="zero" style={{ left: `${place(0) * 100}%` }} />
      <span class="span" style={{ left: `${from * 100}%`, width: `${Math.max(0, to - from) * 100}%` }} />
    </span>
  );
}

function takeaway(ranges: readonly Range[]): string {
  const widest = ranges.reduce((best, range) => (range.max - range.min > best.max - best.min ? range : best));
  const least = ranges.reduce((best, range) =>
    (range.sqnrDb ?? Number.POSITIVE_INFINITY) < (best.sqnrDb ?? Number.POSITIVE_INFINITY) ? range : best,
  );
  const noise =
    least.sqnrDb === null
      ? ""
      : `; rounding costs ${shortName(least.tensor, 40)} most, which keeps ${decibels(least.sqnrDb)}`;
  return `${plural(ranges.length, "quantized tensor")}; the widest is ${shortName(widest.tensor, 40)} from ${number(widest.min)} to ${number(widest.max)}${noise}. The mark is zero, and far from it the axis is compressed.`;
}
