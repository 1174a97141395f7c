// One operation at one size in a process of its own, so that what compilers learned elsewhere does not count. Prints JSON.
//   node trial.js FILE NAME N '{"backends":[...],"threads":[...],"quick":false}'
import { type Backend, backends } from "modelpress";
import { requireAgreement } from "./agreement.js";
import type { Benchmark, Work } from "./benchmark.js";
import type { Contender } from "./contender.js";
import { limits } from "./limits.js";
import { type Measured, measure, QUICK, THOROUGH } from "./measure.js";
import { onnxruntime } from "./onnxruntime.js";

export interface TrialOptions {
  backends: readonly string[];
  threads: readonly number[];
  quick: boolean;
}

export interface Trial {
  measured: Measured[];
  /** Size of the larger array. */
  bytes: number;
}

function ofBackend(work: Work, backend: Backend, threads: number): Contender {
  const name = threads === 1 ? backend.name : `${backend.name}, ${threads} threads`;
  return { kind: "backend", name, backend: backend.name, threads, run: work.library({ backend, threads }) };
}

function ofJavaScript(kind: "naive" | "javascript", list: Readonly<Record<string, () => unknown>> = {}) {
  return Object.entries(list).map(([name, run]): Contender => ({ kind, name, threads: 1, run }));
}

function ofLibrary(work: Work, { backends: asked, threads }: TrialOptions): Contender[] {
  const native = backends().filter(({ name }) => name !== "js" && asked.includes(name));
  return [
    { kind: "default", name: "modelpress", threads: Math.max(...threads), run: work.library({}) },
    ...native.flatMap((backend) => threads.map((count) => ofBackend(work, backend, count))),
    ...backends()
      .filter(({ name }) => name === "js")
      .map((backend) => ofBackend(work, backend, 1)),
  ];
}

const [file, name, n, json] = process.argv.slice(2);
const options: TrialOptions = JSON.parse(json!);
const { benchmarks }: { benchmarks: Benchmark[] } = await import(`../${file}.js`);
const work = benchmarks.find((benchmark) => benchmark.name === name)!.prepare(Number(n));
const contenders = [
  ...ofLibrary(work, options),
  ...ofJavaScript("javascript", work.javascript),
  ...ofJavaScript("naive", work.naive),
  ...(await onnxruntime(work.onnx)),
  ...limits(work, options.threads),
];
await requireAgreement(work, contenders);
const trial: Trial = {
  measured: await measure(contenders, options.quick ? QUICK : THOROUGH),
  bytes: Math.max(work.input.byteLength, work.output?.byteLength ?? 0),
};
console.log(JSON.stringify(trial));
