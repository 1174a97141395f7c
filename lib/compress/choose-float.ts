import type { ObservedRange } from "../calibrate/observer.js";
import { type Batch, firstRows } from "../data/batches.js";
import type { KeptSamples } from "../data/kept-samples.js";
import { copyGraph } from "../graph/copy-graph.js";
import type { Graph } from "../graph/graph.js";
import { type SwitchedNode, switchNodes } from "../graph/switch-nodes.js";
import type { NodeProto } from "../onnx/proto/onnx_pb.js";
import type { OnProgress } from "../progress.js";
import { FloatOutputs } from "../runtime/float-outputs.js";
import type { ModelProcess } from "../runtime/model-process.js";
import { SwitchedSession } from "../runtime/switched-session.js";
import { activationParams } from "./activation-params.js";
import { planActivations } from "./activation-plan.js";
import type { SparedReason } from "./exclude-nodes.js";
import type { FloatChoice, QuantizeSettings } from "./options.js";
import { quantizeStatic, staticWeights } from "./quantize-static.js";
import { nameOf, selectNodes } from "./select-nodes.js";

/** The share of the quantized nodes that may be left in float. */
const BUDGET = 0.25;
/** What the outputs must gain where even the whole budget does not reach the target. */
const WORTH_DB = 3;
/** Outputs that keep so much more than the target need no bias corrected. */
const SOUND_DB = 10;
/** A group of nodes that leaves the outputs so much more than the target holds none that is to blame. */
const HARMLESS_DB = 10;
/** Batches of which one sample each ranks the nodes; sets of nodes are judged by all samples. Few show no more than what these suffer from. */
const RANKING_BATCHES = 8;

type Corrections = ReadonlyMap<NodeProto, Float32Array>;
const NONE: Corrections = new Map();

export interface ChooseFloatOptions {
  readonly graph: Graph;
  readonly ranges: Readonly<Record<string, ObservedRange>>;
  readonly samples: KeptSamples;
  readonly settings: QuantizeSettings;
  readonly spared: SparedReason;
  readonly asked: readonly string[] | undefined;
  /** Decibels that the outputs should keep. */
  readonly target: number;
  /** Finds what to add to the bias of each layer, where the outputs keep little and it may be tried; else absent. */
  readonly corrections?: (() => Promise<Corrections>) | undefined;
  readonly folder: string;
  readonly threads?: number | undefined;
  readonly onProgress?: OnProgress | undefined;
}

interface Chosen {
  /** Why nodes stay in float. */
  readonly reasons: ReadonlyMap<NodeProto, string>;
  /** Those whose weights cannot be stored in int8 either. */
  readonly whole: ReadonlySet<NodeProto>;
  readonly choice: FloatChoice;
  /** Whether corrected biases bring the outputs nearer. */
  readonly correctsBiases: boolean;
}

/**
 * Finds the fewest nodes to leave in float so that the outputs over some calibration samples keep so many decibels of
 * signal to noise. Nodes are ranked by the error of the outputs when each alone is quantized, all but those of groups that
 * do little harm together; the shortest head of that list that reaches the target is then thinned out. Errors are those of
 * quantization with weights rounded to nearest, and with biases corrected where the outputs would keep little without.
 *
 * @returns undefined where there are no samples, or the model does not give the same outputs twice
 */
export async function chooseFloat(
  models: ModelProcess,
  options: ChooseFloatOptions,
): Promise<Chosen | undefined> {
  const { graph, samples, target, onProgress } = options;
  const { choosing, heldOut } = samples.parts;
  if (choosing.length === 0) return undefined;
  const { graph: float } = copyGraph(graph);
  float.commit();
  const outputs = await FloatOutputs.of(models, float.model, () => choosing, options);
  const plain = await outputs.sqnrDb(trial(options, NONE).model);
  const corrections = plain < target + SOUND_DB ? await options.corrections?.() : undefined;
  const corrected = corrections ? await outputs.sqnrDb(trial(options, corrections).model) : plain;
  const correctsBiases = corrected > plain;
  const before = Math.max(plain, corrected);
  let kept: Kept[] = [];
  let after = before;
  let held: number | undefined;
  if (before < target) {
    const search = await Search.load(models, options, choosing, correctsBiases ? corrections! : NONE);
    // A model that draws random numbers cannot be judged so.
    if (!search || !(await search.repeats())) return undefined;
    ({ kept, after } = await search.run(before, onProgress));
    if (heldOut.length > 0) held = await search.sqnrWithout(kept, heldOut);
    search.session.release();
  }
  const choice = {
    targetDb: target,
    beforeDb: before,
    afterDb: after,
    ...(held !== undefined && { heldOutDb: held }),
    nodes: kept.map(({ name, opType, sqnrDb, stored }) => ({
      name,
      opType,
      sqnrDb,
      weights: stored ? ("int8" as const) : ("float16" as const),
    })),
  };
  const nodes = new Map(graph.allNodes().map((node) => [nameOf(node), node]));
  const reasons = new Map(
    kept.map(({ name, sqnrDb }) => [
      nodes.get(name)!,
      `in 8 bits it alone leaves the outputs ${sqnrDb.toFixed(1)} dB`,
    ]),
  );
  const whole = new Set(kept.filter(({ stored }) => !stored).map(({ name }) => nodes.get(name)!));
  return { reasons, whole, choice, correctsBiases };
}

/** The graph as it would be quantized, weights rounded to nearest. */
function trial(
  { graph, ranges, settings, spared, asked }: ChooseFloatOptions,
  corrections: Corrections,
): Graph {
  const { graph: copy, original } = copyGraph(graph);
  const selection = selectNodes(copy, (node) => spared(original.get(node)!), asked);
  const plan = planActivations(copy, selection, settings);
  const params = new Map(
    [...plan.activations.values()].map(({ rangeOf }) => [
      rangeOf,
      activationParams(copy, rangeOf, ranges[rangeOf], settings),
    ]),
  );
  const layers = { graph: copy, selection, plan, params, settings };
  const corrected = [...selection.anchors.keys()].flatMap((node) => {
    const correction = corrections.get(original.get(node)!);
    return correction ? [[node, correction] as const] : [];
  });
  quantizeStatic({ ...layers, weights: staticWeights(layers), corrections: new Map(corrected) });
  copy.commit();
  return copy;
}

interface Ranked extends SwitchedNode {
  /** Of the outputs, with this node alone quantized. */
  readonly sqnrDb: number;
}

interface Kept extends Ranked {
  /** Its weights are stored in int8 all the same. */
  readonly stored: boolean;
}

class Search {
  private readonly byName: ReadonlyMap<string, SwitchedNode>;
  /** Not the clamps that merely stand between two of them. */
  private readonly candidates: readonly SwitchedNode[];
  private readonly few: readonly Batch[];

  private constructor(
    readonly session: SwitchedSession,
    private readonly options: ChooseFloatOptions,
    private readonly batches: readonly Batch[],
  ) {
    this.byName = new Map(session.nodes.map((node) => [node.name, node]));
    this.candidates = this.quantizedWithout(new Set());
    this.few = batches.slice(0, RANKING_BATCHES).map((batch) => firstRows(batch, 1, session.inputs));
  }

  /** Undefined where no node can be switched. */
  static async load(
    models: ModelProcess,
    options: ChooseFloatOptions,
    batches: readonly Batch[],
    corrections: Corrections,
  ): Promise<Search | undefined> {
    const { graph, folder, threads } = options;
    const switched = switchNodes(copyGraph(graph).graph, trial(options, corrections));
    if (switched.nodes.length === 0) return undefined;
    return new Search(await SwitchedSession.load(models, switched, folder, threads), options, batches);
  }

  /** Whether the float model gives the same outputs again. */
  async repeats(): Promise<boolean> {
    return (await this.session.sqnrDb([], this.batches)) === Number.POSITIVE_INFINITY;
  }

  /** What the outputs keep when all but these are quantized, and what stands between them no longer is. */
  sqnrWithout(
    kept: readonly (SwitchedNode & { stored?: boolean })[],
    batches = this.batches,
  ): Promise<number> {
    const names = new Set(kept.map(({ name }) => name));
    return this.session.sqnrDb(
      this.quantizedWithout(names),
      batches,
      kept.filter(({ stored }) => stored),
    );
  }

  private quantizedWithout(names: ReadonlySet<string>): SwitchedNode[] {
    const { graph, spared, asked } = this.options;
    const { anchors, bridges } = selectNodes(
      graph,
      (node) => spared(node) ?? (names.has(nameOf(node)) ? "kept" : undefined),
      asked,
    );
    return [...anchors.keys(), ...bridges].flatMap((node) => this.byName.get(nameOf(node)) ?? []);
  }

  async run(before: number, onProgress?: OnProgress): Promise<{ kept: Kept[]; after: number }> {
    const { target } = this.options;
    const ranked = await this.rank(onProgress);
    const budget = Math.ceil(BUDGET * this.candidates.length);
    let [low, high] = [0, Math.min(budget, ranked.length)];
    // The shortest head of the list that reaches the target; adding to it is taken never to make things worse.
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((await this.sqnrWithout(ranked.slice(0, middle))) >= target) high = middle;
      else low = middle + 1;
    }
    let kept: Kept[] = ranked.slice(0, low).map((node) => ({ ...node, stored: false }));
    let after = await this.sqnrWithout(kept);
    if (after < target && after < before + WORTH_DB) return { kept: [], after: before };
    const enough = Math.min(target, after);
    const tryWith = async (changed: Kept[]): Promise<void> => {
      const sqnrDb = await this.sqnrWithout(changed);
      if (sqnrDb >= enough) [kept, after] = [changed, sqnrDb];
    };
    for (const node of kept.toReversed()) await tryWith(kept.filter((each) => each !== node));
    return this.storeWeights(kept, enough);
  }

  /** Stores the weights of all in int8, but of the fewest that cost the outputs most for their size. */
  private async storeWeights(kept: Kept[], enough: number): Promise<{ kept: Kept[]; after: number }> {
    const costs = new Map<Kept, number>();
    for (const node of kept)
      if (node.constants > 0)
        costs.set(node, 10 ** (-(await this.session.sqnrDb([], this.few, [node])) / 10) / node.constants);
    const costly = [...costs.keys()].sort((a, b) => costs.get(b)! - costs.get(a)!);
    for (let whole = 0; ; whole++) {
      const spared = new Set(costly.slice(0, whole));
      const stored = kept.map((node) => ({ ...node, stored: costs.has(node) && !spared.has(node) }));
      const after = await this.sqnrWithout(stored);
      if (after >= enough || whole === costly.length) return { kept: stored, after };
    }
  }

  /** Worst first, by a few samples; without the nodes that are not to blame. */
  private async rank(onProgress?: OnProgress): Promise<Ranked[]> {
    const { session, options, few } = this;
    const ranked: Ranked[] = [];
    const groups = [[...this.candidates]];
    let done = 0;
    for (let group = groups.pop(); group; group = groups.pop()) {
      const sqnrDb = await session.sqnrDb(group, few);
      const harmless = sqnrDb >= options.target + HARMLESS_DB;
      if (group.length > 1 && !harmless) {
        const half = group.length >> 1;
        groups.push(group.slice(half), group.slice(0, half));
        continue;
      }
      if (!harmless) ranked.push({ ...group[0]!, sqnrDb });
      done += group.length;
      onProgress?.({ stage: "rank nodes", done, total: this.candidates.length });
    }
    return ranked.sort((a, b) => a.sqnrDb - b.sqnrDb);
  }
}
