export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

/**
 * Rectangles with the areas of the values, as near to squares as rows of them allow (Bruls, Huizing and van Wijk 2000).
 *
 * @param values descending and above 0
 */
export function squarify(values: readonly number[], box: Box): Box[] {
  const boxes: Box[] = [];
  let rest = { ...box };
  let total = values.reduce((sum, value) => sum + value, 0);
  for (let start = 0; start < values.length; ) {
    const side = Math.min(rest.width, rest.height);
    const scale = (rest.width * rest.height) / total;
    let end = start + 1;
    let sum = values[start]!;
    while (end < values.length) {
      const before = worstRatio(values[start]!, values[end - 1]!, sum, scale, side);
      if (worstRatio(values[start]!, values[end]!, sum + values[end]!, scale, side) > before) break;
      sum += values[end++]!;
    }
    const row = values.slice(start, end);
    rest = placeRow(row, sum, (sum * scale) / side || 0, rest, boxes);
    total -= sum;
    start = end;
  }
  return boxes;
}

/** How far from a square the worst of a row is, from its largest and smallest. */
function worstRatio(largest: number, smallest: number, sum: number, scale: number, side: number): number {
  const thickness = (sum * scale) / side;
  const long = (largest * scale) / thickness;
  const short = (smallest * scale) / thickness;
  return Math.max(long / thickness, thickness / short);
}

/** Puts a row along the shorter side of what is left, and returns what is left then. */
function placeRow(row: readonly number[], sum: number, thickness: number, rest: Box, boxes: Box[]): Box {
  const upright = rest.width >= rest.height;
  let at = upright ? rest.y : rest.x;
  for (const value of row) {
    const length = (value / sum) * (upright ? rest.height : rest.width);
    boxes.push(
      upright
        ? { x: rest.x, y: at, width: thickness, height: length }
        : { x: at, y: rest.y, width: length, height: thickness },
    );
    at += length;
  }
  return upright
    ? { ...rest, x: rest.x + thickness, width: Math.max(0, rest.width - thickness) }
    : { ...rest, y: rest.y + thickness, height: Math.max(0, rest.height - thickness) };
}
