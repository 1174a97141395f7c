import { useState } from "preact/hooks";
import type { MetricValue, Report, ReportTrial } from "../../optimize/report.js";
import { Choice } from "./parts.js";
import { metricNames } from "./result.js";
import { useRoving } from "./roving.js";
import { type Scale, scaleOver } from "./scale.js";
import {
  bytes,
  factor,
  metricDistance,
  metricNumber,
  milliseconds,
  number,
  printable,
  shortName,
} from "./text.js";
import { useWidth } from "./width.js";

type Cost = "latency" | "size";

interface Point {
  trial: ReportTrial | undefined;
  cost: number;
  metric: MetricValue;
  value: number;
}

interface ParetoProps {
  report: Report;
  current: string | undefined;
  choose: (trial: string) => void;
}

/** Every measured trial by what it costs and what it is worth. */
export function Pareto({ report, current, choose }: ParetoProps) {
  const names = metricNames(report);
  const [cost, setCost] = useState<Cost>(report.goal.goal === "size" ? "size" : "latency");
  const [name, setName] = useState(names[0] ?? "");
  const points = pointsOf(report, name, cost);
  return (
    <div class="chart">
      <div class="switches">
        <Choice
          legend="Accuracy against"
          options={[
            ["latency", "against latency"],
            ["size", "against size"],
          ]}
          value={cost}
          choose={setCost}
        />
        {names.length > 1 && (
          <label class="pick">
            Metric{" "}
            <select value={name} onChange={(event) => setName(event.currentTarget.value)}>
              {names.map((option) => (
                <option key={option} value={option}>
                  {shortName(option)}
                </option>
              ))}
            </select>
          </label>
        )}
      </div>
      {points.length === 0 ? (
        <p class="empty">No trial was measured far enough to be drawn here.</p>
      ) : (
        <Plot {...{ report, cost, points, current, choose }} />
      )}
      <ul class="legend">
        <li>
          <LegendMark shape="original" /> original
        </li>
        <li>
          <LegendMark shape="front" /> not beaten by any other
        </li>
        <li>
          <LegendMark shape="beaten" /> beaten
        </li>
        <li>
          <LegendMark shape="result" /> {report.verdict.good ? "result" : "best candidate"}
        </li>
      </ul>
    </div>
  );
}

function pointsOf(report: Report, name: string, cost: Cost): Point[] {
  const points: Point[] = [];
  for (const trial of report.trials) {
    const metric = trial.metrics.find((value) => value.name === name);
    const spent = cost === "size" ? trial.sizeBytes : trial.latency?.candidate.medianMs;
    if (metric && spent !== undefined) points.push({ trial, cost: spent, metric, value: metric.candidate });
  }
  points.sort((a, b) => a.cost - b.cost);
  const metric = points[0]?.metric;
  const own = cost === "size" ? report.model.sizeBytes : originalLatency(report);
  if (metric && own !== undefined)
    points.push({ trial: undefined, cost: own, metric, value: metric.original });
  return points;
}

/** Points by their place in the order of cost; the result's comes last, so that none is painted over it. */
function resultLast(points: readonly Point[], report: Report): [number, Point][] {
  const isResult = ([, { trial }]: [number, Point]) => Number(trial?.id === report.verdict.trial);
  return [...points.entries()].sort((a, b) => isResult(a) - isResult(b));
}

function originalLatency(report: Report): number | undefined {
  return (
    report.model.latency?.medianMs ?? report.trials.find(({ latency }) => latency)?.latency?.original.medianMs
  );
}

/** Room that a text below a line takes. */
const LABEL = 20;
const MARGIN = { top: 30, right: 18, bottom: 42, left: 66 };
const NEAR = 24;

function Plot({ report, cost, points, current, choose }: ParetoProps & { cost: Cost; points: Point[] }) {
  const { ref, width } = useWidth();
  const height = Math.round(Math.min(420, Math.max(260, width * 0.55)));
  const { markAt } = useRoving(points.length);
  const metric = points[0]!.metric;
  const floor = metric.original + (metric.higherIsBetter ? -1 : 1) * report.goal.maxDrop;
  const bottom = height - MARGIN.bottom;
  const x = scaleOver(
    points.map((point) => point.cost),
    MARGIN.left,
    width - MARGIN.right,
    {
      zero: true,
      ticks: width < 480 ? 3 : 6,
    },
  );
  const values = [...points.map(({ value }) => value), floor];
  // Better is up, whichever way the metric counts.
  const y = metric.higherIsBetter
    ? scaleOver(values, bottom, MARGIN.top)
    : scaleOver(values, MARGIN.top, bottom);
  const showCost = cost === "size" ? bytes : milliseconds;
  const showTick = cost === "size" ? bytes : (tick: number) => `${number(tick)}\u00a0ms`;

  function chooseNearest(event: MouseEvent): void {
    const box = (event.currentTarget as Element).getBoundingClientRect();
    const distance = (point: Point) =>
      Math.hypot(x.at(point.cost) - event.clientX + box.left, y.at(point.value) - event.clientY + box.top);
    const nearest = points.reduce((best, point) => (distance(point) < distance(best) ? point : best));
    if (distance(nearest) <= NEAR && nearest.trial) choose(nearest.trial.id);
  }

  return (
    <div ref={ref}>
      {/* biome-ignore lint/a11y/useKeyWithClickEvents: every point can be focused; this is for fingers that miss one */}
      <svg class="pareto" width={width} height={height} onClick={chooseNearest}>
        <title>{`Trials by ${cost} and ${printable(metric.name)}`}</title>
        <Axes {...{ x, y, width, height, metric, showTick, cost }} />
        <g class="floor">
          <line x1={MARGIN.left} x2={width - MARGIN.right} y1={y.at(floor)} y2={y.at(floor)} />
          <text x={MARGIN.left + 6} y={y.at(floor) + (bottom - y.at(floor) < LABEL ? -5 : 15)}>
            {`least allowed: ${metricNumber(metric, floor)}`}
          </text>
        </g>
        <path class="front" d={frontPath(points, x, y)} />
        {resultLast(points, report).map(([index, point]) => (
          <PointMark
            key={point.trial?.id ?? "original"}
            {...{
              point,
              report,
              attributes: markAt(index),
              isCurrent: !!point.trial && point.trial.id === current,
            }}
            x={x.at(point.cost)}
            y={y.at(point.value)}
            label={`${point.trial ? shortName(point.trial.label, 120) : "original"}: ${metricNumber(metric, point.value)}, ${showCost(point.cost)}${point.trial?.latency && cost === "latency" ? `, ${factor(point.trial.latency.speedup)} as fast` : ""}, drop ${metricDistance(metric, point.metric.drop)}`}
            choose={choose}
          />
        ))}
      </svg>
    </div>
  );
}

interface AxesProps {
  x: Scale;
  y: Scale;
  width: number;
  height: number;
  metric: MetricValue;
  cost: Cost;
  showTick: (value: number) => string;
}

function Axes({ x, y, width, height, metric, cost, showTick }: AxesProps) {
  const bottom = height - MARGIN.bottom;
  return (
    <g class="axes">
      {y.ticks.map((tick) => (
        <g key={tick}>
          <line class="grid" x1={MARGIN.left} x2={width - MARGIN.right} y1={y.at(tick)} y2={y.at(tick)} />
          <text x={MARGIN.left - 8} y={y.at(tick) + 4} text-anchor="end">
            {metricNumber(metric, tick)}
          </text>
        </g>
      ))}
      {x.ticks.map((tick) => (
        <text key={tick} x={x.at(tick)} y={bottom + 18} text-anchor="middle">
          {tick === 0 ? "0" : showTick(tick)}
        </text>
      ))}
      <line class="base" x1={MARGIN.left} x2={width - MARGIN.right} y1={bottom} y2={bottom} />
      <text class="title" x={width - MARGIN.right} y={height - 4} text-anchor="end">
        {`\u2190 ${cost === "size" ? "smaller" : "faster"}`}
      </text>
      <text class="title" x={4} y={12}>
        {`\u2191 ${shortName(metric.name, 40)}${metric.higherIsBetter ? "" : ", less is better"}`}
      </text>
    </g>
  );
}

/** Steps through what no cheaper trial reaches. */
function frontPath(points: readonly Point[], x: Scale, y: Scale): string {
  let path = "";
  let highest = Number.POSITIVE_INFINITY;
  for (const point of points) {
    const height = y.at(point.value);
    if (!point.trial || height >= highest) continue;
    path += path === "" ? `M${x.at(point.cost)},${height}` : `H${x.at(point.cost)}V${height}`;
    highest = height;
  }
  return path;
}

interface PointMarkProps {
  point: Point;
  report: Report;
  x: number;
  y: number;
  label: string;
  isCurrent: boolean;
  attributes: ReturnType<ReturnType<typeof useRoving>["markAt"]>;
  choose: (trial: string) => void;
}

function PointMark({ point: { trial }, report, x, y, label, isCurrent, attributes, choose }: PointMarkProps) {
  const shape = !trial
    ? "original"
    : trial.id === report.verdict.trial
      ? "result"
      : trial.onFront
        ? "front"
        : "beaten";
  return (
    // biome-ignore lint/a11y/useSemanticElements: SVG has no button
    <g
      {...attributes}
      role="button"
      aria-label={label}
      aria-pressed={isCurrent}
      class={`point ${shape}${isCurrent ? " current" : ""}`}
      transform={`translate(${x},${y})`}
      onFocus={() => {
        attributes.onFocus();
        if (trial) choose(trial.id);
      }}
    >
      <title>{label}</title>
      {isCurrent && <circle class="ring" r={13} />}
      <Shape shape={shape} />
    </g>
  );
}

type ShapeName = "original" | "result" | "front" | "beaten";

function Shape({ shape }: { shape: ShapeName }) {
  if (shape === "original")
    return <rect class="shape" x={-6} y={-6} width={12} height={12} transform="rotate(45)" />;
  if (shape === "result")
    return (
      <path
        class="shape"
        d="M0,-10 2.9,-3.4 10,-3.1 4.5,1.5 6.2,8.5 0,4.6 -6.2,8.5 -4.5,1.5 -10,-3.1 -2.9,-3.4Z"
      />
    );
  return <circle class="shape" r={shape === "front" ? 6 : 5} />;
}

function LegendMark({ shape }: { shape: ShapeName }) {
  return (
    <svg class="pareto" width={22} height={22} viewBox="-11 -11 22 22" aria-hidden="true">
      <g class={`point ${shape}`}>
        <Shape shape={shape} />
      </g>
    </svg>
  );
}
