import type { MetricValue } from "../../optimize/report.js";
import { dropInWords, metricDistance } from "./text.js";
import { useWidth } from "./width.js";

const HEIGHT = 44;
const MIDDLE = 16;
const MARGIN = 8;

/** The drop and its interval beside none at all and what was allowed; worse is to the right. */
export function Whisker({ metric, maxDrop }: { metric: MetricValue; maxDrop: number }) {
  const { ref, width } = useWidth();
  const [low, high] = metric.interval;
  const least = Math.min(low, metric.drop, 0);
  const most = Math.max(high, metric.drop, maxDrop, 0);
  const room = (most - least || 1) * 0.08;
  const x = (value: number) =>
    MARGIN + ((value - least + room) / (most - least + 2 * room || 1)) * (width - 2 * MARGIN);
  const text = `${dropInWords(metric, metric.drop)}; between ${dropInWords(metric, low)} and ${dropInWords(metric, high)}; allowed: ${metricDistance(metric, maxDrop)} worse`;
  return (
    <div ref={ref} class="whisker">
      <svg width={width} height={HEIGHT} role="img" aria-label={text}>
        <rect class="allowed" x={0} y={4} width={Math.max(0, x(maxDrop))} height={MIDDLE * 2 - 8} />
        <line class="limit" x1={x(maxDrop)} x2={x(maxDrop)} y1={2} y2={MIDDLE * 2 - 2} />
        <line class="zero" x1={x(0)} x2={x(0)} y1={2} y2={MIDDLE * 2 - 2} />
        <line class="interval" x1={x(low)} x2={x(high)} y1={MIDDLE} y2={MIDDLE} />
        <circle class="estimate" cx={x(metric.drop)} cy={MIDDLE} r={5} />
        <text class="tick" x={x(0)} y={HEIGHT - 2} text-anchor="middle">
          0
        </text>
        <text class="tick" x={x(maxDrop)} y={HEIGHT - 2} text-anchor="end">
          {maxDrop > (most - least) * 0.12 ? "allowed" : ""}
        </text>
      </svg>
    </div>
  );
}
