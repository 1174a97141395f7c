import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { useDrag } from "./drag.js";
import { GraphDrawing } from "./graph-drawing.js";
import type { GraphNode, Layout } from "./graph-layout.js";
import { GraphOverview } from "./graph-overview.js";
import { fitted, opening, showing, type View, zoomedAt } from "./graph-view.js";
import type { Colouring } from "./precision.js";
import { plural } from "./text.js";
import { useWidth } from "./width.js";

const ZOOM_STEP = 1.4;

interface CanvasProps {
  nodes: readonly GraphNode[];
  layout: Layout;
  current: number;
  colouring: Colouring;
  choose: (node: number) => void;
}

/** The drawing in a frame, to be moved, zoomed and walked through. */
export function GraphCanvas({ nodes, layout, current, colouring, choose }: CanvasProps) {
  const { ref, width } = useWidth();
  const height = width < 480 ? 400 : 560;
  const size = { width, height };
  const [moved, setMoved] = useState<View>();
  const view = moved ?? (width > 0 ? opening(layout, size) : { x: 0, y: 0, zoom: 1 });
  const least = width > 0 ? Math.min(fitted(layout, size).zoom, 0.5) : 0.5;
  const svg = useRef<SVGSVGElement>(null);
  useWheelZoom(svg, (by, at) => setMoved(zoomedAt(view, by, at, least)));
  const focusNext = useRef(false);
  useFollow(svg, current, focusNext, () => setMoved(showing(view, layout, current, size)));
  const drag = useDrag((change) => {
    const zoomed = zoomedAt(view, change.by, change.at, least);
    setMoved({ ...zoomed, x: zoomed.x - change.x / zoomed.zoom, y: zoomed.y - change.y / zoomed.zoom });
  });

  const zoomBy = (by: number) => setMoved(zoomedAt(view, by, { x: width / 2, y: height / 2 }, least));

  function chooseHere(node: number): void {
    focusNext.current = node !== current;
    choose(node);
  }

  function answerKey(event: KeyboardEvent): void {
    const targets: Record<string, number | undefined> = {
      ArrowRight: Math.min(nodes.length - 1, current + 1),
      ArrowLeft: Math.max(0, current - 1),
      ArrowDown: layout.consumers[current]![0],
      ArrowUp: layout.producers[current]![0],
      Home: 0,
      End: nodes.length - 1,
    };
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key in targets) chooseHere(targets[event.key] ?? current);
    else if (event.key === "+" || event.key === "=") zoomBy(ZOOM_STEP);
    else if (event.key === "-") zoomBy(1 / ZOOM_STEP);
    else if (event.key === "0") setMoved(fitted(layout, size));
    else return;
    event.preventDefault();
  }

  return (
    <div class="graph" ref={ref}>
      <svg
        ref={svg}
        class={drag.dragging ? "canvas dragging" : "canvas"}
        width={width}
        height={height}
        role="application"
        aria-label={`Graph of ${plural(nodes.length, "node")}; arrow keys go from node to node`}
        onKeyDown={answerKey}
        {...drag.handlers}
      >
        {width > 0 && (
          <GraphDrawing
            {...{ nodes, layout, current, colouring, view, size }}
            choose={(node) => {
              if (!drag.wasDragged()) chooseHere(node);
            }}
          />
        )}
      </svg>
      {width > 0 && (
        <GraphOverview
          {...{ nodes, layout, colouring, view, size }}
          goTo={(y) => setMoved({ ...view, y: y - height / view.zoom / 2 })}
        />
      )}
      <div class="zoom">
        <button type="button" aria-label="Zoom in" onClick={() => zoomBy(ZOOM_STEP)}>
          +
        </button>
        <button type="button" aria-label="Zoom out" onClick={() => zoomBy(1 / ZOOM_STEP)}>
          {"\u2212"}
        </button>
        <button type="button" onClick={() => setMoved(fitted(layout, size))}>
          All
        </button>
      </div>
    </div>
  );
}

type SvgRef = { current: SVGSVGElement | null };

/** With Ctrl, which a pinch on a trackpad comes with too; without it the page scrolls. */
function useWheelZoom(svg: SvgRef, zoom: (by: number, at: { x: number; y: number }) => void): void {
  const latest = useRef(zoom);
  latest.current = zoom;
  useEffect(() => {
    const element = svg.current!;
    function answer(event: WheelEvent): void {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      const box = element.getBoundingClientRect();
      latest.current(Math.exp(-event.deltaY / 300), {
        x: event.clientX - box.left,
        y: event.clientY - box.top,
      });
    }
    element.addEventListener("wheel", answer, { passive: false });
    return () => element.removeEventListener("wheel", answer);
  }, [svg]);
}

/** Brings a node that was chosen into view, and the focus to it where it was chosen in the drawing. */
function useFollow(svg: SvgRef, current: number, focusNext: { current: boolean }, show: () => void): void {
  const first = useRef(true);
  useLayoutEffect(() => {
    if (!first.current) show();
    first.current = false;
    if (focusNext.current)
      svg.current!.querySelector<SVGElement>(".node.current")?.focus({ preventScroll: true });
    focusNext.current = false;
  }, [current]);
}
