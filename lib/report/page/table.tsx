import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { plural } from "./text.js";

export interface Column<Row> {
  title: string;
  cell: (row: Row) => ComponentChildren;
  numeric?: boolean;
  /** The cell that names the row. */
  names?: boolean;
  /** What to sort by; columns without it do not sort. */
  by?: (row: Row) => number | string | undefined;
}

interface TableProps<Row> {
  caption: string;
  rows: readonly Row[];
  columns: readonly Column<Row>[];
  /** Rows shown before more are asked for. */
  page?: number;
  isCurrent?: (row: Row) => boolean;
}

/** A table whose columns sort, and which shows so many rows first that a phone stays quick. */
export function Table<Row>({ caption, rows, columns, page = 50, isCurrent }: TableProps<Row>) {
  const [order, setOrder] = useState<{ column: number; descending: boolean }>();
  const [shown, setShown] = useState(page);
  const sorted = order ? sortRows(rows, columns[order.column]!, order.descending) : rows;
  return (
    <>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by key */}
      <section class="scroll" tabIndex={0} aria-label={caption}>
        <table>
          <caption class="unseen">{caption}</caption>
          <thead>
            <tr>
              {columns.map((column, index) => (
                <Heading
                  key={column.title}
                  column={column}
                  direction={
                    order?.column === index ? (order.descending ? "descending" : "ascending") : undefined
                  }
                  sort={() =>
                    setOrder({ column: index, descending: order?.column === index && !order.descending })
                  }
                />
              ))}
            </tr>
          </thead>
          <tbody>
            {sorted.slice(0, shown).map((row, index) => (
              <tr key={index} class={isCurrent?.(row) ? "current" : undefined}>
                {columns.map((column) => (
                  <Cell key={column.title} column={column} row={row} />
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </section>
      {rows.length > shown && (
        <p class="more">
          <button type="button" onClick={() => setShown(shown + Math.max(page, 200))}>
            Show more
          </button>{" "}
          {plural(rows.length - shown, "row")} not shown
        </p>
      )}
    </>
  );
}

function Heading<Row>({
  column,
  direction,
  sort,
}: {
  column: Column<Row>;
  direction: "ascending" | "descending" | undefined;
  sort: () => void;
}) {
  return (
    <th scope="col" class={column.numeric ? "numeric" : undefined} aria-sort={direction}>
      {column.by ? (
        <button type="button" class="sort" onClick={sort}>
          {column.title}
          <span aria-hidden="true">
            {direction ? (direction === "ascending" ? " \u2191" : " \u2193") : ""}
          </span>
        </button>
      ) : (
        column.title
      )}
    </th>
  );
}

function Cell<Row>({ column, row }: { column: Column<Row>; row: Row }) {
  if (column.names)
    return (
      <th scope="row" class={column.numeric ? "numeric" : undefined}>
        {column.cell(row)}
      </th>
    );
  return <td class={column.numeric ? "numeric" : undefined}>{column.cell(row)}</td>;
}

/** What has no value stays at the end in either direction. */
function sortRows<Row>(rows: readonly Row[], { by }: Column<Row>, descending: boolean): Row[] {
  return [...rows].sort((a, b) => {
    const [left, right] = [by?.(a), by?.(b)];
    if (left === undefined || right === undefined)
      return Number(left === undefined) - Number(right === undefined);
    const ascending = typeof left === "string" ? left.localeCompare(String(right)) : left - Number(right);
    return descending ? -ascending : ascending;
  });
}

/** The same numbers as a chart, for who cannot or would rather not see it; made when it is opened. */
export function TableAlternative<Row>({
  label = "As a table",
  ...table
}: TableProps<Row> & { label?: string }) {
  const [open, setOpen] = useState(false);
  return (
    <details class="alternative" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        {label} <span class="unseen">: {table.caption}</span>
      </summary>
      {open && <Table {...table} />}
    </details>
  );
}
