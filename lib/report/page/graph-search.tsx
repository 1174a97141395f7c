import { useState } from "preact/hooks";
import type { GraphNode } from "./graph-layout.js";
import { plural } from "./text.js";

/** Finds nodes by a part of their name or by operator, and goes through what was found. */
export function GraphSearch({
  nodes,
  choose,
}: {
  nodes: readonly GraphNode[];
  choose: (node: number) => void;
}) {
  const [query, setQuery] = useState("");
  const [at, setAt] = useState(0);
  const found = query ? matches(nodes, query) : [];

  function ask(text: string): void {
    setQuery(text);
    goTo(text ? matches(nodes, text) : [], 0);
  }

  function goTo(list: readonly number[], place: number): void {
    if (list.length === 0) return;
    const next = (place + list.length) % list.length;
    setAt(next);
    choose(list[next]!);
  }

  return (
    <form
      class="search"
      onSubmit={(event) => {
        event.preventDefault();
        goTo(found, at + 1);
      }}
    >
      <input
        type="search"
        placeholder="Find a node or an operator"
        aria-label="Find a node or an operator"
        value={query}
        onInput={(event) => ask(event.currentTarget.value)}
      />
      <button type="button" disabled={found.length < 2} onClick={() => goTo(found, at - 1)}>
        Previous
      </button>
      <button type="submit" disabled={found.length < 2}>
        Next
      </button>
      <span class="soft" role="status">
        {query && (found.length > 0 ? `${at + 1} of ${plural(found.length, "node")}` : "nothing found")}
      </span>
    </form>
  );
}

function matches(nodes: readonly GraphNode[], query: string): number[] {
  const wanted = query.toLowerCase();
  return [...nodes.keys()].filter((index) => {
    const { name, opType } = nodes[index]!;
    return name.toLowerCase().includes(wanted) || opType.toLowerCase().includes(wanted);
  });
}
