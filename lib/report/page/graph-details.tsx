import type { ReportLayer } from "../../optimize/report.js";
import type { GraphNode, Layout } from "./graph-layout.js";
import { Name, Prose, Treatment } from "./parts.js";
import { errorStep } from "./precision.js";
import { bytes, decibels, shortName } from "./text.js";

interface DetailsProps {
  nodes: readonly GraphNode[];
  layout: Layout;
  layers: readonly ReportLayer[];
  current: number;
  choose: (node: number) => void;
}

/** The node that is pointed at: what it is, what was done to it and why, and its neighbours. */
export function GraphDetails({ nodes, layout, layers, current, choose }: DetailsProps) {
  const node = nodes[current]!;
  const layer = layers.find(({ name }) => name === node.name);
  return (
    <aside class="details" aria-live="polite" aria-label="The chosen node">
      <p class="eyebrow">{shortName(node.opType, 40)}</p>
      <h3>
        <Name text={node.name} limit={100} />
      </h3>
      <dl class="facts">
        <div>
          <dt>precision</dt>
          <dd>
            <Treatment text={node.precision} />
          </dd>
        </div>
        {node.sqnrDb !== undefined && (
          <div>
            <dt>signal</dt>
            <dd>
              {decibels(node.sqnrDb)} <span class="soft">({errorStep(node.sqnrDb).label})</span>
            </dd>
          </div>
        )}
        {layer && (
          <div>
            <dt>bytes</dt>
            <dd>
              {bytes(layer.bytes.before)} {"\u2192"} {bytes(layer.bytes.after)}
            </dd>
          </div>
        )}
      </dl>
      {layer && (
        <p>
          <Prose key={layer.reason} text={layer.reason} />
        </p>
      )}
      <Neighbours title="Reads from" list={layout.producers[current]!} nodes={nodes} choose={choose} />
      <Neighbours title="Read by" list={layout.consumers[current]!} nodes={nodes} choose={choose} />
    </aside>
  );
}

/** More are in the table. */
const MOST_NEIGHBOURS = 12;

interface NeighboursProps {
  title: string;
  list: readonly number[];
  nodes: readonly GraphNode[];
  choose: (node: number) => void;
}

function Neighbours({ title, list, nodes, choose }: NeighboursProps) {
  if (list.length === 0) return null;
  return (
    <>
      <p class="eyebrow">{title}</p>
      <ul class="neighbours">
        {list.slice(0, MOST_NEIGHBOURS).map((index) => (
          <li key={index}>
            <button type="button" class="link" onClick={() => choose(index)}>
              {shortName(nodes[index]!.opType, 24)} <Name text={nodes[index]!.name} limit={36} />
            </button>
          </li>
        ))}
        {list.length > MOST_NEIGHBOURS && <li class="soft">and {list.length - MOST_NEIGHBOURS} more</li>}
      </ul>
    </>
  );
}
