import type { Report, ReportLayer } from "../../optimize/report.js";
import { KindLegend, Name, Prose, Section, Treatment } from "./parts.js";
import { errorStep } from "./precision.js";
import { Table } from "./table.js";
import { bytes, decibels, plural, shortName } from "./text.js";

/** Ratios beyond this fill the bar. */
const FULL_DB = 60;

/** Every layer: what became of it, why, and what the outputs lose when it alone is treated so. */
export function Layers({ report: { layers } }: { report: Report }) {
  return (
    <Section id="layers" title="Layer by layer" takeaway={takeaway(layers)}>
      {layers.length > 0 && (
        <>
          <KindLegend texts={layers.map(({ treatment }) => treatment)} />
          <Table
            caption="Layers, what was done to each and why"
            rows={layers}
            page={30}
            columns={[
              {
                title: "Layer, and why",
                names: true,
                by: ({ name }) => name,
                cell: ({ name, opType, reason }) => (
                  <>
                    <Name text={name} limit={44} /> <span class="soft">{shortName(opType, 30)}</span>
                    <span class="why">
                      <Prose key={reason} text={reason} />
                    </span>
                  </>
                ),
              },
              {
                title: "Treatment",
                by: ({ treatment }) => treatment,
                cell: ({ treatment }) => <Treatment text={treatment} />,
              },
              {
                title: "Signal to noise",
                by: ({ sqnrDb }) => (sqnrDb === null ? Number.POSITIVE_INFINITY : sqnrDb),
                cell: ({ sqnrDb }) => <NoiseBar sqnrDb={sqnrDb} />,
              },
              {
                title: "Weight alone",
                numeric: true,
                by: ({ weightSqnrDb }) => (weightSqnrDb === null ? Number.POSITIVE_INFINITY : weightSqnrDb),
                cell: ({ weightSqnrDb }) => weightSqnrDb !== undefined && decibels(weightSqnrDb),
              },
              {
                title: "Bytes",
                numeric: true,
                by: (layer) => layer.bytes.after,
                cell: (layer) => `${bytes(layer.bytes.before)} \u2192 ${bytes(layer.bytes.after)}`,
              },
            ]}
          />
        </>
      )}
    </Section>
  );
}

function NoiseBar({ sqnrDb }: { sqnrDb: number | null | undefined }) {
  if (sqnrDb === undefined) return <span class="soft">not measured</span>;
  const share = sqnrDb === null ? 1 : Math.min(1, Math.max(0, sqnrDb / FULL_DB));
  return (
    <span class="noise">
      <span class={`track ${errorStep(sqnrDb).className}`} aria-hidden="true">
        <span style={{ width: `${share * 100}%` }} />
      </span>
      {decibels(sqnrDb)}
    </span>
  );
}

function takeaway(layers: readonly ReportLayer[]): string {
  if (layers.length === 0) return "There is no result to take apart.";
  const measured = layers.filter((layer) => typeof layer.sqnrDb === "number");
  const worst = measured.reduce<ReportLayer | undefined>(
    (least, layer) => (least === undefined || layer.sqnrDb! < least.sqnrDb! ? layer : least),
    undefined,
  );
  const floats = layers.filter(({ treatment }) => treatment === "float").length;
  const kept = floats === 0 ? "none stays in float32" : `${floats} stay${floats === 1 ? "s" : ""} in float32`;
  if (!worst) return `${plural(layers.length, "layer")}, of which ${kept}.`;
  return `${plural(layers.length, "layer")}, of which ${kept}; the most sensitive is ${shortName(worst.name, 40)} with ${decibels(worst.sqnrDb!)}. More is better: 20 dB is a tenth of noise, 40 dB a hundredth.`;
}
