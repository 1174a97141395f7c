import { type Layout, NODE_HEIGHT, NODE_WIDTH } from "./graph-layout.js";

/** The part of the drawing that is shown: the place of its upper left corner, and pixels per unit. */
export interface View {
  x: number;
  y: number;
  zoom: number;
}

export interface Size {
  width: number;
  height: number;
}

/** Below this names could not be read, and nodes are drawn as plain rectangles. */
export const READABLE = 0.5;
const COMFORTABLE = 0.9;
const LARGEST = 2.5;
const MARGIN = 24;

/** All of the drawing. */
export function fitted(layout: Layout, size: Size): View {
  const zoom = Math.min(
    1,
    (size.width - 2 * MARGIN) / (layout.right - layout.left),
    (size.height - 2 * MARGIN) / layout.height,
  );
  return centred(
    (layout.left + layout.right) / 2,
    layout.height / 2 - NODE_HEIGHT / 2,
    Math.max(zoom, 1e-4),
    size,
  );
}

/** All of a small drawing, or the beginning of a large one. */
export function opening(layout: Layout, size: Size): View {
  const whole = fitted(layout, size);
  if (whole.zoom >= READABLE) return whole;
  const view = centred(layout.x[layout.layers[0]![0]!]!, 0, COMFORTABLE, size);
  return { ...view, y: -NODE_HEIGHT / 2 - MARGIN };
}

export function centred(x: number, y: number, zoom: number, { width, height }: Size): View {
  return { x: x - width / zoom / 2, y: y - height / zoom / 2, zoom };
}

/** Zooms so that the place under the pointer stays where it is. */
export function zoomedAt(view: View, by: number, at: { x: number; y: number }, least: number): View {
  const zoom = Math.min(LARGEST, Math.max(least, view.zoom * by));
  return {
    x: view.x + at.x / view.zoom - at.x / zoom,
    y: view.y + at.y / view.zoom - at.y / zoom,
    zoom,
  };
}

/** The same view where the node lies well inside it and can be read, else one that has it in the middle. */
export function showing(view: View, layout: Layout, node: number, size: Size): View {
  const [x, y] = [layout.x[node]!, layout.y[node]!];
  const inside =
    x - NODE_WIDTH / 2 >= view.x &&
    x + NODE_WIDTH / 2 <= view.x + size.width / view.zoom &&
    y - NODE_HEIGHT >= view.y &&
    y + NODE_HEIGHT <= view.y + size.height / view.zoom;
  if (inside && view.zoom >= READABLE) return view;
  return centred(x, y, view.zoom >= READABLE ? view.zoom : COMFORTABLE, size);
}
