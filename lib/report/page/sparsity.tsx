import { useState } from "preact/hooks";
import type { Report, ReportLayer } from "../../optimize/report.js";
import { Name, Section } from "./parts.js";
import { TableAlternative } from "./table.js";
import { percent, plural, shortName } from "./text.js";

/** Shares of zeros from which on a block has the next darkness. */
const LEVELS = [0.01, 0.25, 0.5, 0.75, 0.95];
const FIRST = 12;

/** Where weights are zero: per layer, and within it where that was counted. */
export function Sparsity({ report: { layers } }: { report: Report }) {
  const [shown, setShown] = useState(FIRST);
  const sparse = layers.filter(({ sparsity }) => sparsity !== undefined && sparsity > 0);
  if (sparse.length === 0)
    return (
      <Section
        id="sparsity"
        title="Zeros"
        takeaway="Nothing was pruned: no layer has zeros among its weights."
      />
    );
  return (
    <Section id="sparsity" title="Zeros" takeaway={takeaway(sparse, layers)}>
      <ul class="legend" aria-label="Share of zeros in a block">
        {["under 1 %", ...LEVELS.map((level) => `from ${level * 100} %`)].map((label, level) => (
          <li key={label}>
            <svg class="zeros" width={18} height={12} aria-hidden="true">
              <rect class={`level-${level}`} width={12} height={12} />
            </svg>
            {label}
          </li>
        ))}
      </ul>
      <ul class="cards">
        {sparse.slice(0, shown).map((layer, index) => (
          <li key={index}>
            <h3>
              <Name text={layer.name} limit={38} />
            </h3>
            <ZeroMap layer={layer} />
            <p class="soft">{percent(layer.sparsity!, 1)} zeros</p>
          </li>
        ))}
      </ul>
      {sparse.length > shown && (
        <p class="more">
          <button type="button" onClick={() => setShown(shown + 24)}>
            Show more
          </button>{" "}
          {plural(sparse.length - shown, "layer")} not shown
        </p>
      )}
      <TableAlternative
        caption="Share of zeros by layer"
        rows={sparse}
        columns={[
          { title: "Layer", names: true, by: ({ name }) => name, cell: ({ name }) => <Name text={name} /> },
          {
            title: "Zeros",
            numeric: true,
            by: ({ sparsity }) => sparsity,
            cell: ({ sparsity }) => percent(sparsity!, 1),
          },
        ]}
      />
    </Section>
  );
}

function takeaway(sparse: readonly ReportLayer[], layers: readonly ReportLayer[]): string {
  const most = sparse.reduce((best, layer) => (layer.sparsity! > best.sparsity! ? layer : best));
  return `${sparse.length} of ${plural(layers.length, "layer")} ${sparse.length === 1 ? "has" : "have"} zeros among the weights, most of them ${shortName(most.name, 40)} with ${percent(most.sparsity!, 0)}. Rows are output channels.`;
}

/** One path for each level, so that a map of any size is a handful of elements. */
function ZeroMap({ layer }: { layer: ReportLayer }) {
  const { rows, cols, shares } = layer.zeros ?? { rows: 1, cols: 1, shares: [layer.sparsity!] };
  const paths = Array.from({ length: LEVELS.length + 1 }, () => "");
  for (let i = 0; i < Math.min(shares.length, rows * cols); i++) {
    const level = LEVELS.filter((least) => shares[i]! >= least).length;
    paths[level] += `M${i % cols},${Math.floor(i / cols)}h1v1h-1z`;
  }
  return (
    <svg
      class="zeros"
      viewBox={`0 0 ${Math.max(1, cols)} ${Math.max(1, rows)}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={`${shortName(layer.name, 120)}: ${percent(layer.sparsity!, 1)} zeros${layer.zeros ? `, in ${rows} by ${cols} blocks` : ""}`}
    >
      {paths.map((path, level) => path && <path key={level} class={`level-${level}`} d={path} />)}
    </svg>
  );
}
