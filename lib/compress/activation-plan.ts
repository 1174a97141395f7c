import { floatAttributeOf, type Graph, type Use } from "../graph/graph.js";
import { integerForm, valueInputs } from "../graph/integer-form.js";
import type { NodeProto } from "../onnx/proto/onnx_pb.js";
import type { QuantizeSettings, TensorOverride } from "./options.js";
import { isClamp, type Selection, valueOutputs } from "./select-nodes.js";

/** One tensor to be quantized. */
export interface PlannedActivation {
  readonly tensor: string;
  /** The tensor whose scale and zero point it uses: itself, or the one it only moves the values of. */
  readonly rangeOf: string;
  /**
   * true: every reader gets the dequantized value, so that the node before it can end in integers.
   * false: only the quantized readers do; the others keep the exact float value.
   */
  readonly whole: boolean;
}

/** A Relu or Clip that goes away, because the quantized range of its output ends where it cuts. */
export interface MergedClamp {
  readonly node: NodeProto;
  readonly clamp: NodeProto;
}

export interface ActivationPlan {
  readonly activations: ReadonlyMap<string, PlannedActivation>;
  /** Initializers that selected nodes read as activations. */
  readonly constants: readonly string[];
  readonly merged: readonly MergedClamp[];
}

/** Finds the tensors between and around the selected nodes that need a scale. Changes nothing. */
export function planActivations(
  graph: Graph,
  selection: Selection,
  settings: Pick<QuantizeSettings, "target" | "symmetric" | "overrides">,
): ActivationPlan {
  const selected = [...selection.anchors.keys(), ...selection.bridges];
  const clamps = selected.flatMap((node) => mergedClamp(graph, node, selection) ?? []);
  const merged = clamps.filter(({ clamp }) => endsWhereObserved(clamp.output[0]!, settings));
  // TensorRT computes a convolution and a clamp that stays behind it in one go, so no scale may stand between them.
  const together = settings.target === "gpu-tensorrt" ? clamps : merged;
  const clampOf = new Map(together.map(({ node, clamp }) => [node, clamp]));
  const needed = new Set<string>();
  const whole = new Set<string>();
  for (const { node, activations } of selection.anchors.values())
    for (const index of activations) needed.add(node.input[index]!);
  for (const node of selection.bridges) for (const index of valueInputs(node)) needed.add(node.input[index]!);
  for (const node of selected)
    if (endsInIntegers(graph, node, selection))
      for (const output of valueOutputs(clampOf.get(node) ?? node)) whole.add(output);
  const activations = new Map<string, PlannedActivation>();
  const constants = [...needed].filter((tensor) => graph.initializer(tensor));
  for (const tensor of new Set([...whole, ...needed].filter((each) => !graph.initializer(each))))
    activations.set(tensor, {
      tensor,
      rangeOf: rootOf(graph, tensor, selection),
      whole:
        whole.has(tensor) ||
        isProduct(graph, tensor, selection) ||
        readOnlyByQuantized(graph, tensor, selection),
    });
  // What a clamp that stays will cut needs no steps, so the tensor before it has the range of the one behind.
  for (const { node, clamp } of clamps) {
    const before = activations.get(node.output[0]!);
    const behind = activations.get(clamp.output[0]!);
    if (before && behind) activations.set(before.tensor, { ...before, rangeOf: behind.rangeOf });
  }
  return { activations, constants, merged };
}

/** onnxruntime has no convolution from integers to float; its matrix products can do both. */
function endsInIntegers(graph: Graph, node: NodeProto, { bridges }: Selection): boolean {
  return node.opType === "Conv" || bridges.has(node) || meetsComputedTerm(graph, node);
}

/** onnxruntime makes a Gemm of a MatMul of matrices and an Add behind it, and a Gemm of a computed term stays in float. */
function meetsComputedTerm(graph: Graph, node: NodeProto): boolean {
  if (node.opType !== "MatMul" || graph.rank(node.input[0]!) !== 2) return false;
  const output = node.output[0]!;
  const [use, ...others] = graph.consumers(output);
  if (use?.node.opType !== "Add" || others.length > 0) return false;
  return use.node.input.every((tensor) => tensor === output || graph.initializer(tensor) === undefined);
}

/** onnxruntime leaves a product in float whose result is read both quantized and as it is. */
function isProduct(graph: Graph, tensor: string, { anchors }: Selection): boolean {
  const producer = graph.producer(tensor);
  return producer !== undefined && anchors.has(producer);
}

function rootOf(graph: Graph, tensor: string, { bridges }: Selection): string {
  let root = tensor;
  for (let node = graph.producer(root); node && bridges.has(node) && movesValues(node); ) {
    root = node.input[0]!;
    node = graph.producer(root);
  }
  return root;
}

function movesValues(node: NodeProto): boolean {
  return integerForm(node)?.how === "moves";
}

function readOnlyByQuantized(graph: Graph, tensor: string, selection: Selection): boolean {
  if (!graph.isInternal(tensor) || graph.producer(tensor) === undefined) return false;
  return graph.consumers(tensor).every((use) => isQuantizedUse(use, selection));
}

/** True when the reader takes this input in integers. */
export function isQuantizedUse({ node, index }: Use, { anchors, bridges }: Selection): boolean {
  const anchor = anchors.get(node);
  return anchor ? anchor.activations.includes(index) : bridges.has(node) && valueInputs(node).includes(index);
}

/** The clamp behind a selected node, where the quantized range can do its work (as in onnxruntime's quantizer). */
function mergedClamp(graph: Graph, node: NodeProto, selection: Selection): MergedClamp | undefined {
  const output = node.output[0]!;
  const uses = graph.consumers(output);
  const clamp = uses[0]?.node;
  if (uses.length !== 1 || !clamp || !isClamp(clamp) || !graph.isInternal(output)) return undefined;
  // A node that shares its input's scale has no range of its own to end anywhere.
  if (movesValues(node) || !holdsZero(graph, clamp)) return undefined;
  const result = clamp.output[0]!;
  // A subgraph goes on reading the tensor by its name, before it is quantized.
  if (graph.captured.has(result)) return undefined;
  // Readers in float must not see the quantized value of a product only because a clamp was saved.
  const merges = endsInIntegers(graph, node, selection) || readOnlyByQuantized(graph, result, selection);
  return merges ? { node, clamp } : undefined;
}

/** A range that is centred or given reaches beyond what a clamp leaves. */
function endsWhereObserved(
  tensor: string,
  { symmetric, overrides }: Pick<QuantizeSettings, "symmetric" | "overrides">,
): boolean {
  const override = (overrides[tensor] ?? {}) as TensorOverride;
  return !(override.symmetric ?? symmetric) && override.min === undefined;
}

/** A quantized range always holds zero; a clamp that cuts zero away is not expressed by it. */
function holdsZero(graph: Graph, clamp: NodeProto): boolean {
  if (clamp.opType === "Relu") return true;
  const bound = (index: number, attribute: string, absent: number): number => {
    const name = clamp.input[index];
    if (!name) return floatAttributeOf(clamp, attribute, absent);
    const stored = graph.initializer(name);
    return stored ? Number(graph.model.tensor(stored).data[0]) : Number.NaN;
  };
  return bound(1, "min", Number.NEGATIVE_INFINITY) <= 0 && bound(2, "max", Number.POSITIVE_INFINITY) >= 0;
}
