import { useMemo, useState } from "preact/hooks";
import type { Report } from "../../optimize/report.js";
import { GraphCanvas } from "./graph-canvas.js";
import { GraphDetails } from "./graph-details.js";
import { type GraphNode, layOut } from "./graph-layout.js";
import { GraphSearch } from "./graph-search.js";
import { Choice, KindLegend, Name, Section } from "./parts.js";
import { type Colouring, errorStep, kindOf } from "./precision.js";
import { TableAlternative } from "./table.js";
import { decibels, percent, plural, printable, shortName } from "./text.js";

/** The result's graph: nodes by precision and error, to search and to walk through. */
export function Graph({ report }: { report: Report }) {
  const { nodes } = report.graph;
  if (nodes.length === 0)
    return <Section id="graph" title="The graph" takeaway="There is no result whose graph could be drawn." />;
  return (
    <Section id="graph" title="The graph" takeaway={takeaway(nodes)}>
      <GraphView report={report} />
      <TableAlternative
        label="Nodes as a table"
        caption="Nodes of the graph"
        rows={nodes}
        columns={[
          { title: "Node", names: true, by: ({ name }) => name, cell: ({ name }) => <Name text={name} /> },
          { title: "Operator", by: ({ opType }) => opType, cell: ({ opType }) => shortName(opType, 40) },
          {
            title: "Precision",
            by: ({ precision }) => precision,
            cell: ({ precision }) => printable(precision),
          },
          {
            title: "Signal to noise",
            numeric: true,
            by: ({ sqnrDb }) => (sqnrDb === null ? Number.POSITIVE_INFINITY : sqnrDb),
            cell: ({ sqnrDb }) => sqnrDb !== undefined && decibels(sqnrDb),
          },
        ]}
      />
    </Section>
  );
}

function GraphView({ report }: { report: Report }) {
  const { nodes } = report.graph;
  const layout = useMemo(() => layOut(nodes), [nodes]);
  const [current, setCurrent] = useState(0);
  const [colouring, setColouring] = useState<Colouring>("precision");
  return (
    <>
      <div class="switches">
        <Choice
          legend="Colour of nodes"
          options={[
            ["precision", "by precision"],
            ["error", "by error"],
          ]}
          value={colouring}
          choose={setColouring}
        />
        <GraphSearch nodes={nodes} choose={setCurrent} />
      </div>
      {colouring === "precision" ? (
        <KindLegend texts={nodes.map(({ precision }) => precision)} />
      ) : (
        <ErrorLegend nodes={nodes} />
      )}
      <div class="plot-and-details">
        <GraphCanvas {...{ nodes, layout, current, colouring }} choose={setCurrent} />
        <GraphDetails {...{ nodes, layout, current, layers: report.layers }} choose={setCurrent} />
      </div>
    </>
  );
}

function ErrorLegend({ nodes }: { nodes: readonly GraphNode[] }) {
  const steps = new Map(nodes.map(({ sqnrDb }) => [errorStep(sqnrDb).className, errorStep(sqnrDb).label]));
  return (
    <ul class="legend">
      {[...steps].map(([className, label]) => (
        <li key={className}>
          <span class={`mark error-mark ${className}`} aria-hidden="true" />
          {label}
        </li>
      ))}
    </ul>
  );
}

function takeaway(nodes: readonly GraphNode[]): string {
  const integers = nodes.filter(({ precision }) => /int/.test(kindOf(precision).label)).length;
  const bad = nodes.filter(({ sqnrDb }) => typeof sqnrDb === "number" && sqnrDb < 20).length;
  const noise = bad === 0 ? "none measured under 20 dB" : `${plural(bad, "node")} under 20 dB`;
  return `${plural(nodes.length, "node")}, ${percent(integers / nodes.length, 0)} in integers, ${noise}. Drag to move; the keys \u2190 and \u2192 go through all nodes, \u2191 and \u2193 along an edge, + and \u2212 zoom.`;
}
