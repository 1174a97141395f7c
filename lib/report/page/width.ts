import { useLayoutEffect, useRef, useState } from "preact/hooks";

/** The width that a chart has, in CSS pixels: charts are drawn at it, so that their text keeps its size on a phone. */
export function useWidth<Element extends HTMLElement = HTMLDivElement>() {
  const ref = useRef<Element>(null);
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const element = ref.current!;
    setWidth(element.clientWidth);
    const observer = new ResizeObserver(() => setWidth(element.clientWidth));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return { ref, width };
}
