import { useRef, useState } from "preact/hooks";

interface Place {
  x: number;
  y: number;
}

/** How far pointers went since the last time, and how much farther apart they are than then, around which place. */
export interface Change extends Place {
  by: number;
  at: Place;
}

/** A pointer that moves less has clicked. */
const SLOP = 4;

/** Moves with one pointer, and moves and zooms with two. */
export function useDrag(move: (change: Change) => void) {
  const pointers = useRef(new Map<number, Place>());
  const travelled = useRef(0);
  const [dragging, setDragging] = useState(false);

  function placeOf(event: PointerEvent): Place {
    const box = (event.currentTarget as Element).getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  }

  function release(event: PointerEvent): void {
    pointers.current.delete(event.pointerId);
    if (pointers.current.size === 0) setDragging(false);
  }

  const handlers = {
    onPointerDown: (event: PointerEvent) => {
      if (event.button !== 0) return;
      if (pointers.current.size === 0) travelled.current = 0;
      pointers.current.set(event.pointerId, placeOf(event));
    },
    onPointerMove: (event: PointerEvent) => {
      const before = pointers.current.get(event.pointerId);
      if (!before) return;
      const now = placeOf(event);
      travelled.current += Math.hypot(now.x - before.x, now.y - before.y);
      if (travelled.current < SLOP) return;
      // Captured only now: a capture at once would take the click from the node.
      (event.currentTarget as Element).setPointerCapture(event.pointerId);
      setDragging(true);
      const others = [...pointers.current].filter(([id]) => id !== event.pointerId).map(([, place]) => place);
      pointers.current.set(event.pointerId, now);
      move(changeOf(before, now, others[0]));
    },
    onPointerUp: release,
    onPointerCancel: release,
    onPointerLeave: release,
  };
  return { dragging, handlers, wasDragged: () => travelled.current >= SLOP };
}

function changeOf(before: Place, now: Place, other: Place | undefined): Change {
  if (!other) return { x: now.x - before.x, y: now.y - before.y, by: 1, at: now };
  const apart = (place: Place) => Math.hypot(place.x - other.x, place.y - other.y) || 1;
  return {
    x: (now.x - before.x) / 2,
    y: (now.y - before.y) / 2,
    by: apart(now) / apart(before),
    at: { x: (now.x + other.x) / 2, y: (now.y + other.y) / 2 },
  };
}
