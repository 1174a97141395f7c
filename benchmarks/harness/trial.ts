// Operations at some sizes in a process of their own, so that what compilers learned elsewhere does not count. Prints JSON.
//   node trial.js '{"parts":[{"file":"min-max","name":"minMax","n":65536}],"backends":["avx2"],"threads":[1],"effort":"quick"}'
import { type Backend, backends } from "modelpress";
import { requireAgreement } from "./agreement.js";
import type { Benchmark, Work } from "./benchmark.js";
import type { Contender, Kind } from "./contender.js";
import { limits } from "./limits.js";
import { EFFORTS, type Measured, measure } from "./measure.js";
import { onnxruntime } from "./onnxruntime.js";

/** One operation at one size. All parts of a trial take turns, so that they can be compared. */
export interface Part {
  file: string;
  name: string;
  n: number;
  /** Whose work is measured; default: everyone's. */
  kinds?: readonly Kind[];
}

export interface TrialOptions {
  backends: readonly string[];
  threads: readonly number[];
  effort: keyof typeof EFFORTS;
}

/** What was measured of one part. */
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

async function workOf({ file, name, n }: Part): Promise<Work> {
  const { benchmarks }: { benchmarks: Benchmark[] } = await import(`../${file}.js`);
  return benchmarks.find((benchmark) => benchmark.name === name)!.prepare(n);
}

async function contendersOf(work: Work, options: TrialOptions, kinds?: readonly Kind[]) {
  const all = [
    ...ofLibrary(work, options),
    ...ofJavaScript("javascript", work.javascript),
    ...ofJavaScript("naive", work.naive),
    ...(!kinds || kinds.includes("onnxruntime") ? await onnxruntime(work.onnx) : []),
    ...limits(work, options.threads),
  ];
  const asked = all.filter(({ kind }) => !kinds || kinds.includes(kind));
  await requireAgreement(work, asked);
  return asked;
}

const { parts, ...options }: TrialOptions & { parts: Part[] } = JSON.parse(process.argv[2]!);
const works: Work[] = [];
const contenders: Contender[][] = [];
for (const part of parts) {
  const work = await workOf(part);
  works.push(work);
  contenders.push(await contendersOf(work, options, part.kinds));
}
const measured = await measure(contenders.flat(), EFFORTS[options.effort]);
const trials = works.map(
  ({ input, output }, i): Trial => ({
    measured: measured.splice(0, contenders[i]!.length),
    bytes: Math.max(input.byteLength, output?.byteLength ?? 0),
  }),
);
console.log(JSON.stringify(trials));
