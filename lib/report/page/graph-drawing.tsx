import { useMemo } from "preact/hooks";
import { type GraphNode, type Layout, NODE_HEIGHT, NODE_WIDTH, type Piece } from "./graph-layout.js";
import { READABLE, type Size, type View } from "./graph-view.js";
import { type Colouring, colourOf, errorStep, kindOf } from "./precision.js";
import { decibels, distinctPart, printable, shortName } from "./text.js";

interface DrawingProps {
  nodes: readonly GraphNode[];
  layout: Layout;
  current: number;
  colouring: Colouring;
  view: View;
  size: Size;
  choose: (node: number) => void;
}

/** What lies within the view; from afar, all of it as a few paths. */
export function GraphDrawing({ nodes, layout, current, colouring, view, size, choose }: DrawingProps) {
  const readable = view.zoom >= READABLE;
  const window = {
    left: view.x - NODE_WIDTH,
    right: view.x + size.width / view.zoom + NODE_WIDTH,
    top: view.y - NODE_HEIGHT,
    bottom: view.y + size.height / view.zoom + NODE_HEIGHT,
  };
  const visible = readable
    ? nodes.map((_, index) => index).filter((node) => node !== current && contains(window, layout, node))
    : [];
  return (
    <g transform={`scale(${view.zoom}) translate(${-view.x},${-view.y})`}>
      {readable ? (
        <path
          class="edges"
          d={layout.pieces
            .filter((piece) => touches(window, piece))
            .map(curve)
            .join("")}
        />
      ) : (
        <FarView {...{ nodes, layout, colouring }} thickness={2 / view.zoom} />
      )}
      <path class="edges near" d={edgesOf(layout, current)} />
      {visible.map((node) => (
        <NodeMark key={node} {...{ nodes, layout, colouring, node, choose }} />
      ))}
      <NodeMark key={current} {...{ nodes, layout, colouring, choose }} node={current} isCurrent />
    </g>
  );
}

interface Window {
  left: number;
  right: number;
  top: number;
  bottom: number;
}

function contains({ left, right, top, bottom }: Window, { x, y }: Layout, node: number): boolean {
  return x[node]! >= left && x[node]! <= right && y[node]! >= top && y[node]! <= bottom;
}

function touches({ left, right, top, bottom }: Window, { fromX, fromY, toX, toY }: Piece): boolean {
  return (
    Math.max(fromY, toY) >= top &&
    Math.min(fromY, toY) <= bottom &&
    Math.max(fromX, toX) >= left &&
    Math.min(fromX, toX) <= right
  );
}

function curve({ fromX, fromY, toX, toY }: Piece): string {
  const middle = (fromY + toY) / 2;
  return `M${fromX.toFixed(1)},${fromY}C${fromX.toFixed(1)},${middle} ${toX.toFixed(1)},${middle} ${toX.toFixed(1)},${toY}`;
}

/** The edges of one node as straight lines, to tell them from the others. */
function edgesOf({ x, y, producers, consumers }: Layout, node: number): string {
  const half = NODE_HEIGHT / 2;
  const line = (from: number, to: number) =>
    curve({ fromX: x[from]!, fromY: y[from]! + half, toX: x[to]!, toY: y[to]! - half });
  return [
    ...producers[node]!.map((producer) => line(producer, node)),
    ...consumers[node]!.map((consumer) => line(node, consumer)),
  ].join("");
}

/** Rectangles by colour, none thinner than can be seen. */
function FarView({
  nodes,
  layout,
  colouring,
  thickness,
}: Pick<DrawingProps, "nodes" | "layout" | "colouring"> & { thickness: number }) {
  const edges = useMemo(() => layout.pieces.map(curve).join(""), [layout]);
  const height = Math.max(NODE_HEIGHT, thickness);
  const width = Math.max(NODE_WIDTH, thickness);
  const paths = useMemo(() => {
    const byClass = new Map<string, string>();
    for (const [index, node] of nodes.entries()) {
      const name = colourOf(node, colouring);
      const box = `M${(layout.x[index]! - width / 2).toFixed(1)},${(layout.y[index]! - height / 2).toFixed(1)}h${width}v${height}h${-width}z`;
      byClass.set(name, (byClass.get(name) ?? "") + box);
    }
    return [...byClass];
  }, [nodes, layout, colouring, width, height]);
  return (
    <>
      <path class="edges" d={edges} />
      {paths.map(([name, path]) => (
        <path key={name} class={`far ${name} by-${colouring}`} d={path} />
      ))}
    </>
  );
}

/** The end of a name, which tells more than its beginning. */
function lastOf(text: string, most: number): string {
  return printable(text.length > most ? `\u2026${text.slice(1 - most)}` : text);
}

interface NodeMarkProps extends Pick<DrawingProps, "nodes" | "layout" | "colouring" | "choose"> {
  node: number;
  isCurrent?: boolean;
}

function NodeMark({ nodes, layout, colouring, node, isCurrent = false, choose }: NodeMarkProps) {
  const { name, opType, precision, sqnrDb } = nodes[node]!;
  const kind = kindOf(precision);
  const error = errorStep(sqnrDb);
  const noise = sqnrDb === undefined ? "" : decibels(sqnrDb);
  return (
    // biome-ignore lint/a11y/noInteractiveElementToNoninteractiveRole: a picture of a node, to look at one after the other
    <g
      class={`node ${kind.className} ${error.className} by-${colouring}${isCurrent ? " current" : ""}`}
      transform={`translate(${layout.x[node]! - NODE_WIDTH / 2},${layout.y[node]! - NODE_HEIGHT / 2})`}
      role="img"
      aria-current={isCurrent}
      tabindex={isCurrent ? 0 : -1}
      aria-label={`${shortName(opType, 40)} ${shortName(name, 120)}, ${shortName(precision, 40)}${noise && `, ${noise}`}, ${node + 1} of ${nodes.length}`}
      onClick={() => choose(node)}
    >
      <rect class="frame" width={NODE_WIDTH} height={NODE_HEIGHT} rx={4} />
      <rect class="strip" width={28} height={NODE_HEIGHT} rx={4} />
      <text class="glyph" x={14} y={24} text-anchor="middle">
        {kind.glyph}
      </text>
      <text class="op" x={35} y={17}>
        {shortName(opType, 17)}
      </text>
      <text class="small" x={35} y={32}>
        {noise || lastOf(distinctPart({ name, opType }), 19)}
      </text>
      {sqnrDb !== undefined && (
        <rect class="error" x={NODE_WIDTH - 9} y={5} width={4} height={NODE_HEIGHT - 10} />
      )}
    </g>
  );
}
