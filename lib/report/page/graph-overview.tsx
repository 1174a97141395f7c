import { useMemo } from "preact/hooks";
import { type GraphNode, type Layout, NODE_HEIGHT } from "./graph-layout.js";
import type { Size, View } from "./graph-view.js";
import { type Colouring, colourOf } from "./precision.js";

const WIDTH = 18;
const ROW = 3;

interface OverviewProps {
  nodes: readonly GraphNode[];
  layout: Layout;
  colouring: Colouring;
  view: View;
  size: Size;
  goTo: (y: number) => void;
}

/** The whole graph from top to bottom as a strip, with what is shown marked; for the pointer alone, since keys have other ways. */
export function GraphOverview({ nodes, layout, colouring, view, size: { height }, goTo }: OverviewProps) {
  const rows = useMemo(() => {
    const list = Array.from({ length: Math.floor(height / ROW) }, (): string[] => []);
    for (const [index, node] of nodes.entries()) {
      const row = Math.floor((layout.y[index]! / layout.height) * list.length);
      list[row]?.push(colourOf(node, colouring));
    }
    return list.map(mostFrequent);
  }, [nodes, layout, colouring, height]);
  const shown = height / view.zoom;
  if (shown >= layout.height) return null;
  const scale = height / layout.height;

  function jump(event: PointerEvent): void {
    if (event.buttons === 0) return;
    const box = (event.currentTarget as Element).getBoundingClientRect();
    goTo((event.clientY - box.top) / scale);
  }

  return (
    <svg
      class="overview"
      width={WIDTH}
      height={height}
      aria-hidden="true"
      onPointerDown={jump}
      onPointerMove={jump}
    >
      {rows.map(
        (name, row) =>
          name && (
            <rect
              key={row}
              class={`far ${name} by-${colouring}`}
              x={4}
              y={row * ROW}
              width={10}
              height={ROW}
            />
          ),
      )}
      <rect
        class="shown"
        x={0.75}
        y={(view.y + NODE_HEIGHT / 2) * scale}
        width={WIDTH - 1.5}
        height={Math.max(6, shown * scale)}
      />
    </svg>
  );
}

function mostFrequent(names: readonly string[]): string | undefined {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1])[0]?.[0];
}
