import { useState } from "preact/hooks";
import type { Report, ReportLayer } from "../../optimize/report.js";
import { Name, Section, Treatment } from "./parts.js";
import { TableAlternative } from "./table.js";
import { decibels, number, plural, shortName, whole } from "./text.js";

type Layer = ReportLayer & { weights: NonNullable<ReportLayer["weights"]> };

const WIDTH = 260;
const HEIGHT = 92;
/** Lines nearer than this are a grey area and no grid. */
const LINE_GAP = 5;
const FIRST = 8;

/** How the weights of each layer are spread, and the steps that they are rounded to. */
export function Histograms({ report }: { report: Report }) {
  const layers = report.layers
    .filter((layer): layer is Layer => layer.weights !== undefined && layer.weights.counts.length > 0)
    .sort((a, b) => worth(a) - worth(b));
  const [shown, setShown] = useState(FIRST);
  if (layers.length === 0)
    return <Section id="weights" title="Weights and their grid" takeaway="No weights were looked at." />;
  return (
    <Section id="weights" title="Weights and their grid" takeaway={takeaway(layers)}>
      <ul class="cards">
        {layers.slice(0, shown).map((layer, index) => (
          <li key={index}>
            <Histogram layer={layer} />
          </li>
        ))}
      </ul>
      {layers.length > shown && (
        <p class="more">
          <button type="button" onClick={() => setShown(shown + 24)}>
            Show more
          </button>{" "}
          {plural(layers.length - shown, "layer")} not shown
        </p>
      )}
      <TableAlternative
        caption="Range and grid of the weights of each layer"
        rows={layers}
        columns={[
          { title: "Layer", names: true, by: ({ name }) => name, cell: ({ name }) => <Name text={name} /> },
          {
            title: "Least",
            numeric: true,
            by: ({ weights }) => weights.min,
            cell: ({ weights }) => number(weights.min),
          },
          {
            title: "Largest",
            numeric: true,
            by: ({ weights }) => weights.max,
            cell: ({ weights }) => number(weights.max),
          },
          {
            title: "Step",
            numeric: true,
            by: ({ weights }) => weights.step ?? weights.steps?.[1],
            cell: ({ weights: { step, steps } }) =>
              step ? number(step) : steps ? steps.map(number).join(" to ") : "none",
          },
          {
            title: "Fullest bin",
            numeric: true,
            by: ({ weights }) => Math.max(...weights.counts),
            cell: ({ weights }) => whole(Math.max(...weights.counts)),
          },
        ]}
      />
    </Section>
  );
}

/** The least exact first. */
function worth({ weightSqnrDb }: ReportLayer): number {
  return weightSqnrDb ?? Number.POSITIVE_INFINITY;
}

function takeaway(layers: readonly Layer[]): string {
  const [worst] = layers;
  if (typeof worst?.weightSqnrDb !== "number")
    return `Weights of ${plural(layers.length, "layer")}: each bar counts those in its range.`;
  return `Of ${plural(layers.length, "layer")}, ${shortName(worst.name, 40)} loses most by rounding its weights and keeps ${decibels(worst.weightSqnrDb)}. Lines are the values that remain.`;
}

function Histogram({ layer }: { layer: Layer }) {
  const { min, max, counts } = layer.weights;
  const fullest = Math.max(1, ...counts);
  const grid = gridOf(layer.weights);
  const text = [
    `${shortName(layer.name, 120)}: weights from ${number(min)} to ${number(max)}`,
    grid.words,
    layer.weightSqnrDb !== undefined && decibels(layer.weightSqnrDb),
  ]
    .filter(Boolean)
    .join(", ");
  const bar = WIDTH / counts.length;
  const bars = counts
    .map((count, i) => {
      const height = (count / fullest) * (HEIGHT - 6);
      return `M${(i * bar).toFixed(2)},${HEIGHT}v${(-height).toFixed(2)}h${bar.toFixed(2)}v${height.toFixed(2)}z`;
    })
    .join("");
  return (
    <>
      <h3>
        <Name text={layer.name} limit={38} />
      </h3>
      <svg
        class="histogram"
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={text}
      >
        <path class="bars" d={bars} />
        <path class="grid-lines" d={grid.at.map((x) => `M${x.toFixed(2)},0V${HEIGHT}`).join("")} />
        <path class="base" d={`M0,${HEIGHT}H${WIDTH}`} />
      </svg>
      <p class="ends">
        <span>{number(min)}</span>
        <span>{number(max)}</span>
      </p>
      <p class="soft">
        <Treatment text={layer.treatment} />
        {layer.weightSqnrDb !== undefined && `, ${decibels(layer.weightSqnrDb)}`}
        <br />
        {grid.words}
      </p>
    </>
  );
}

/** Multiples of the step, of the coarsest where channels have their own, or of a power of two of steps where lines would touch. */
function gridOf({ min, max, step: only, steps }: Layer["weights"]): { at: number[]; words: string } {
  const step = only ?? steps?.[1];
  const span = max - min;
  if (!step || !(span > 0)) return { at: [], words: step === undefined ? "not rounded to a grid" : "" };
  const gap = (step / span) * WIDTH;
  const every = gap >= LINE_GAP ? 1 : 2 ** Math.ceil(Math.log2(LINE_GAP / gap));
  const at: number[] = [];
  for (let i = Math.ceil(min / step / every); i <= Math.floor(max / step / every); i++)
    at.push(((i * every * step - min) / span) * WIDTH);
  const lines = every > 1 ? `, a line for every ${every}` : "";
  if (steps)
    return {
      at,
      words: `channels have steps of ${number(steps[0])} to ${number(steps[1])}${lines} of the largest`,
    };
  return { at, words: `${plural(Math.round(span / step), "step")} of ${number(step)}${lines}` };
}
