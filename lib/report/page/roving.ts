import { useRef, useState } from "preact/hooks";

const STEPS: Record<string, number> = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

/**
 * Marks of a chart as one stop of the Tab key, between which the arrow keys, Home and End move. Gives the attributes of the
 * mark at each place, and which one is current.
 */
export function useRoving(length: number, start = 0) {
  const [wanted, setCurrent] = useState(start);
  const elements = useRef<(SVGElement | null)[]>([]);
  const current = Math.max(0, Math.min(wanted, length - 1));

  function move(to: number): void {
    const target = Math.max(0, Math.min(to, length - 1));
    setCurrent(target);
    elements.current[target]?.focus();
  }

  function markAt(index: number) {
    return {
      ref: (element: SVGElement | null) => {
        elements.current[index] = element;
      },
      tabindex: index === current ? 0 : -1,
      onFocus: () => setCurrent(index),
      onKeyDown: (event: KeyboardEvent) => {
        const step = STEPS[event.key];
        if (step !== undefined) move(index + step);
        else if (event.key === "Home") move(0);
        else if (event.key === "End") move(length - 1);
        else return;
        event.preventDefault();
      },
    };
  }
  return { current, markAt, setCurrent };
}
