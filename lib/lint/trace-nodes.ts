import type { Graph } from "../graph/graph.js";
import { integerForm } from "../graph/integer-form.js";
import { TensorProto_DataType as DataType, type NodeProto } from "../onnx/proto/onnx_pb.js";
import { isConversion, isIntegerOperator, isLowBitOperator } from "./integer-operators.js";

/**
 * How a node of a model is run. moved: its values are moved as integers. low-bit: weights of few bits, arithmetic in
 * float. index: it works on shapes and indices, which are integers anyway. gone: folded away, or part of another node.
 */
export type NodeRun = "integer" | "moved" | "low-bit" | "float" | "index" | "gone";

export interface TracedNode {
  readonly run: NodeRun;
  /** The operator that runs in its place. */
  readonly kernel: string | undefined;
}

/** A node that was fused may be found this many readers on. */
const MAX_STEPS = 8;

/**
 * Finds what became of nodes in the graph that onnxruntime made of the model: what makes their output now, or the
 * quantized form of it, or has their name, or what they were fused into further on.
 */
export class NodeTracer {
  private readonly byName: ReadonlyMap<string, NodeProto>;

  constructor(
    private readonly original: Graph,
    private readonly optimized: Graph,
  ) {
    const named = optimized.allNodes().filter(({ name }) => name !== "");
    this.byName = new Map(named.map((node) => [node.name, node]));
  }

  trace(node: NodeProto): TracedNode {
    const own = this.kernelOf(node);
    if (own) return this.traced(node, own);
    let current = node;
    for (let step = 0; step < MAX_STEPS; step++) {
      const readers = current.output.flatMap((tensor) => this.original.consumers(tensor));
      const next = readers.find((use) => !isConversion(use.node))?.node;
      if (!next) break;
      const kernel = this.kernelOf(next);
      // A reader that is still there itself has not taken the node up.
      if (kernel?.opType === next.opType) break;
      if (kernel) return this.traced(node, kernel);
      current = next;
    }
    return { run: "gone", kernel: undefined };
  }

  private traced(node: NodeProto, kernel: NodeProto): TracedNode {
    const run = runOf(this.optimized, kernel);
    // The Cast and Mul behind an integer product, and the Add of a bias, are part of its kernel.
    const isPart = run === "integer" && !computesIn(node, kernel);
    return { run: isPart ? "gone" : run, kernel: kernel.opType };
  }

  private kernelOf(node: NodeProto): NodeProto | undefined {
    for (const output of node.output) {
      const direct = this.optimized.producer(output);
      if (direct && !isConversion(direct)) return direct;
      for (const { node: reader } of this.original.consumers(output)) {
        if (reader.opType !== "QuantizeLinear") continue;
        const fused = this.optimized.producer(reader.output[0]!);
        if (fused && !isConversion(fused)) return fused;
      }
    }
    // Fusions that rename tensors keep the name of the node they are about.
    return this.byName.get(node.name);
  }
}

/** True where the kernel is the integer form of this node. */
function computesIn(node: NodeProto, kernel: NodeProto): boolean {
  if (isIntegerOperator(node) || node.opType === "MatMul") return true;
  return integerForm(node)?.kernel === kernel.opType;
}

function runOf(graph: Graph, kernel: NodeProto): NodeRun {
  if (isIntegerOperator(kernel)) return "integer";
  if (isLowBitOperator(kernel)) return "low-bit";
  return integerForm(kernel)?.how === "moves" && holdsIntegers(graph, kernel.input[0]!) ? "moved" : "float";
}

/** True for a tensor of stored integers, as far as the nodes before it tell. */
function holdsIntegers(graph: Graph, tensor: string): boolean {
  let name = tensor;
  for (;;) {
    const stored = graph.initializer(name);
    if (stored) return stored.dataType === DataType.INT8 || stored.dataType === DataType.UINT8;
    const maker = graph.producer(name);
    if (!maker) return false;
    if (maker.opType === "QuantizeLinear" || maker.opType === "DynamicQuantizeLinear") return true;
    // A QGemm without an output scale ends in float.
    if (maker.opType === "QGemm") return maker.input.length > 7;
    if (maker.opType.startsWith("QLinear")) return true;
    if (integerForm(maker)?.how !== "moves") return false;
    name = maker.input[0]!;
  }
}
