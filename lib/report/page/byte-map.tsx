import { useState } from "preact/hooks";
import type { Report, ReportLayer } from "../../optimize/report.js";
import { KindLegend, Name, Section, Treatment } from "./parts.js";
import { kindOf } from "./precision.js";
import { useRoving } from "./roving.js";
import { squarify } from "./squarify.js";
import { TableAlternative } from "./table.js";
import { bytes, distinctPart, factor, percent, plural, printable, shortName } from "./text.js";
import { useWidth } from "./width.js";

/** Smaller layers than the largest so many share one rectangle. */
const MOST_CELLS = 60;
const HEIGHT = 300;

interface Cell {
  /** The layer; absent for all the small ones together. */
  layer: ReportLayer | undefined;
  label: string;
  size: number;
}

type Side = "before" | "after";

/** Bytes by layer before and after, both at one scale. */
export function ByteMap({ report: { layers } }: { report: Report }) {
  const [current, setCurrent] = useState<Cell>();
  const before = cellsOf(layers, "before");
  const after = cellsOf(layers, "after");
  const most = Math.max(sum(before), sum(after));
  if (most === 0)
    return <Section id="bytes" title="Where the bytes are" takeaway="No layer holds weights of its own." />;
  return (
    <Section id="bytes" title="Where the bytes are" takeaway={takeaway(before, after)}>
      <KindLegend texts={layers.filter((layer) => layer.bytes.after > 0).map(({ treatment }) => treatment)} />
      <div class="byte-maps">
        <ByteSide side="before" cells={before} most={most} current={current} choose={setCurrent} />
        <ByteSide side="after" cells={after} most={most} current={current} choose={setCurrent} />
      </div>
      <p class="pointed" aria-live="polite">
        {current ? (
          <CellDetails cell={current} />
        ) : (
          "Point at a layer, or go through them with the arrow keys."
        )}
      </p>
      <TableAlternative
        caption="Bytes by layer before and after"
        rows={[...layers].sort((a, b) => b.bytes.before - a.bytes.before)}
        columns={[
          { title: "Layer", names: true, by: ({ name }) => name, cell: ({ name }) => <Name text={name} /> },
          { title: "Treatment", cell: ({ treatment }) => <Treatment text={treatment} /> },
          {
            title: "Before",
            numeric: true,
            by: (layer) => layer.bytes.before,
            cell: (layer) => bytes(layer.bytes.before),
          },
          {
            title: "After",
            numeric: true,
            by: (layer) => layer.bytes.after,
            cell: (layer) => bytes(layer.bytes.after),
          },
        ]}
      />
    </Section>
  );
}

function cellsOf(layers: readonly ReportLayer[], side: Side): Cell[] {
  const cells: Cell[] = layers
    .filter((layer) => layer.bytes[side] > 0)
    .map((layer) => ({ layer, label: layer.name, size: layer.bytes[side] }))
    .sort((a, b) => b.size - a.size);
  if (cells.length <= MOST_CELLS) return cells;
  const small = cells.splice(MOST_CELLS - 1);
  cells.push({ layer: undefined, label: plural(small.length, "smaller layer"), size: sum(small) });
  return cells.sort((a, b) => b.size - a.size);
}

function sum(cells: readonly Cell[]): number {
  return cells.reduce((total, { size }) => total + size, 0);
}

function takeaway(before: readonly Cell[], after: readonly Cell[]): string {
  const [from, to] = [sum(before), sum(after)];
  const [largest] = after;
  const change =
    to === 0 ? "" : from >= to ? `, ${factor(from / to)} smaller` : `, ${factor(to / from)} larger`;
  const share = largest
    ? ` ${shortName(largest.label, 40)} now holds ${percent(largest.size / to, 0)} of it.`
    : "";
  return `Weights of ${bytes(from)} became ${bytes(to)}${change}; an area stands for as many bytes on both sides.${share}`;
}

interface MapProps {
  side: Side;
  cells: readonly Cell[];
  most: number;
  current: Cell | undefined;
  choose: (cell: Cell) => void;
}

function ByteSide({ side, cells, most, current, choose }: MapProps) {
  const { ref, width } = useWidth();
  const { markAt } = useRoving(cells.length);
  // Both sides of the smaller map shrink alike, so that areas compare.
  const shrink = Math.sqrt(sum(cells) / most);
  const boxes = squarify(
    cells.map(({ size }) => size),
    { x: 0, y: 0, width: width * shrink, height: HEIGHT * shrink },
  );
  return (
    <figure ref={ref}>
      <figcaption>
        {side} <span class="soft">{bytes(sum(cells))}</span>
      </figcaption>
      {/* biome-ignore lint/a11y/useSemanticElements: a fieldset does not group what is drawn */}
      <svg
        class="byte-map"
        width={width}
        height={Math.ceil(HEIGHT * shrink)}
        role="group"
        aria-label={`Bytes by layer ${side}`}
      >
        {width > 0 &&
          cells.map((cell, index) => {
            const attributes = markAt(index);
            const box = boxes[index]!;
            const isCurrent = current !== undefined && current.label === cell.label;
            return (
              // biome-ignore lint/a11y/noInteractiveElementToNoninteractiveRole: a picture of a layer, to look at one after the other
              <g
                key={index}
                {...attributes}
                role="img"
                aria-current={isCurrent}
                aria-label={`${shortName(cell.label, 120)}: ${bytes(cell.size)}`}
                class={`cell ${side === "after" && cell.layer ? kindOf(cell.layer.treatment).className : "k-float32"}${isCurrent ? " current" : ""}`}
                onFocus={() => {
                  attributes.onFocus();
                  choose(cell);
                }}
                onPointerEnter={() => choose(cell)}
              >
                <rect {...box} />
                <CellLabel cell={cell} {...box} />
              </g>
            );
          })}
      </svg>
    </figure>
  );
}

/** Of a character of 11 px. */
const CHARACTER = 6.4;
/** Fewer characters say nothing. */
const LEAST_ROOM = 7;

function CellLabel({
  cell,
  x,
  y,
  width,
  height,
}: {
  cell: Cell;
  x: number;
  y: number;
  width: number;
  height: number;
}) {
  const room = Math.floor((width - 8) / CHARACTER);
  if (room < LEAST_ROOM || height < 18) return null;
  const name = cell.layer ? distinctPart(cell.layer) : cell.label;
  return (
    <>
      <text x={x + 5} y={y + 14}>
        {name.length > room ? `\u2026${printable(name.slice(1 - room))}` : printable(name)}
      </text>
      {height > 34 && (
        <text x={x + 5} y={y + 29}>
          {bytes(cell.size)}
        </text>
      )}
    </>
  );
}

function CellDetails({ cell: { layer, label, size } }: { cell: Cell }) {
  if (!layer) return <>{`${label}: ${bytes(size)}`}</>;
  return (
    <>
      <Name text={layer.name} limit={80} />: {bytes(layer.bytes.before)} {"\u2192"} {bytes(layer.bytes.after)}
      , <Treatment text={layer.treatment} />
    </>
  );
}
