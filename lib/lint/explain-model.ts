import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { detectTarget } from "../compress/detect-target.js";
import { nameOf } from "../compress/select-nodes.js";
import { PRESETS, type Target } from "../compress/target.js";
import { ModelOperationError, outOfRange } from "../errors.js";
import { Graph } from "../graph/graph.js";
import { integerForm } from "../graph/integer-form.js";
import type { NodeProto } from "../onnx/proto/onnx_pb.js";
import { type OnnxModel, readOnnx } from "../onnx/read.js";
import { isExternal } from "../onnx/tensor-proto.js";
import { tensorsOf } from "../onnx/walk.js";
import { ModelProcess } from "../runtime/model-process.js";
import { adviseFloatModel } from "./advise-float-model.js";
import { checkRuntime, isKnownRelease } from "./check-runtime.js";
import { checkSpeed } from "./check-speed.js";
import { checkTarget } from "./check-target.js";
import type { Finding } from "./finding.js";
import { indexTensors } from "./index-tensors.js";
import { isConversion, isIntegerOperator, isLowBitOperator } from "./integer-operators.js";
import { type LeftPair, leftPairs } from "./left-pairs.js";
import { listedNodes } from "./listed-nodes.js";
import { type NodeRun, NodeTracer, type TracedNode } from "./trace-nodes.js";
import { ALONE, whyFloat } from "./why-float.js";

export interface ExplainModelOptions {
  /** What the model is to run on. Default: this machine's processor. */
  target?: Target | undefined;
  /** The version of onnxruntime to check for, such as "1.22". Default: the one that is installed. */
  runtimeVersion?: string | undefined;
  signal?: AbortSignal | undefined;
}

/** What becomes of one node of the main graph. */
export interface ExplainedNode {
  name: string;
  opType: string;
  run: NodeRun;
  /** The operator that runs in its place; of a node that is gone, what it is part of, where it is part of something. */
  kernel: string | undefined;
  /** Why it is not in integers; of a float model, what quantizing would do to it. Empty where there is nothing to say. */
  why: string;
}

export interface ModelExplanation {
  target: Target;
  runtime: {
    /** The onnxruntime that the answer is for; "" where none is installed and none was named. */
    version: string;
    /** true: onnxruntime loaded the model, and this is what it made of it. false: what rules say that it makes. */
    measured: boolean;
    /** Why it did not load the model. */
    error: string | undefined;
  };
  nodes: ExplainedNode[];
  /** Tensors that are quantized and brought back for nothing. */
  pairs: LeftPair[];
  findings: Finding[];
}

/**
 * Tells which nodes of a model run in integer kernels and which in float, and why; where pairs of QuantizeLinear and
 * DequantizeLinear are left, and what the runtime or processor it is meant for does wrong, slowly, or not at all.
 * onnxruntime-node, where it is installed, loads the model in a process of its own and shows what it fuses.
 *
 * @param input path of a model
 * @throws ModelFormatError when the file is not a sound ONNX model; RangeError for an unknown target or version;
 *   signal.reason when aborted
 */
export async function explainModel(
  input: string,
  { target = detectTarget(), runtimeVersion, signal }: ExplainModelOptions = {},
): Promise<ModelExplanation> {
  if (!Object.hasOwn(PRESETS, target))
    throw outOfRange(`one of ${Object.keys(PRESETS).join(", ")}`, "target", target);
  if (runtimeVersion !== undefined && !isKnownRelease(runtimeVersion))
    throw outOfRange("a version of onnxruntime from 1.20 on", "runtimeVersion", runtimeVersion);
  const folder = await mkdtemp(join(tmpdir(), "modelpress-"));
  const model = readOnnx(input);
  try {
    const { version, path, error } = await optimize(model, input, folder, signal);
    const optimized = path === undefined ? undefined : readOnnx(path);
    try {
      const result = explain(model, optimized, target, runtimeVersion ?? version);
      return {
        target,
        runtime: { version: runtimeVersion ?? version, measured: path !== undefined, error },
        ...result,
      };
    } finally {
      optimized?.close();
    }
  } finally {
    model.close();
    await rm(folder, { recursive: true, force: true });
  }
}

interface Optimized {
  version: string;
  /** Where the model lies as onnxruntime rewrote it; undefined where that did not happen. */
  path: string | undefined;
  error: string | undefined;
}

/** The extended level fuses all that is fused into integer kernels, and keeps names, which the last one does not. */
async function optimize(
  model: OnnxModel,
  input: string,
  folder: string,
  signal: AbortSignal | undefined,
): Promise<Optimized> {
  const path = join(folder, "optimized.onnx");
  const external = [...tensorsOf(model.proto)].some(isExternal);
  await using models = await ModelProcess.start({ signal });
  let version = "";
  try {
    version = await models.runtimeVersion();
    await models.optimizeModelFile(input, path, "extended", { external });
    return { version, path, error: undefined };
  } catch (error) {
    signal?.throwIfAborted();
    if (!(error instanceof ModelOperationError)) throw error;
    return { version, path: undefined, error: error.message };
  }
}

function explain(
  model: OnnxModel,
  optimized: OnnxModel | undefined,
  target: Target,
  version: string,
): Pick<ModelExplanation, "nodes" | "pairs" | "findings"> {
  const graph = new Graph(model);
  const after = optimized && new Graph(optimized);
  const tracer = after && new NodeTracer(graph, after);
  const listed = listedNodes(model);
  const isQuantized = listed.some(
    ({ node }) => isConversion(node) || isIntegerOperator(node) || isLowBitOperator(node),
  );
  const indices = indexTensors(graph);
  const advice = isQuantized ? undefined : adviseFloatModel(graph);
  const nodes = graph
    .allNodes()
    .filter((node) => !isConversion(node) && node.opType !== "Constant")
    .map((node): ExplainedNode => {
      const why = whyFloat(graph, node);
      const found = tracer ? tracer.trace(node) : predict(node, why);
      const traced =
        found.run === "float" && indices.has(node.output[0]!) ? { ...found, run: "index" as const } : found;
      const said = advice ? advice.why(node) : reason(node, why);
      return {
        name: nameOf(node),
        opType: node.opType,
        ...traced,
        why: traced.run === "float" ? said : "",
      };
    });
  const pairs = after ? leftPairs(graph, after) : [];
  const findings = [
    ...checkRuntime(model.proto, listed, version),
    ...checkTarget(listed, target),
    ...(isQuantized ? checkSpeed(nodes, pairs, after ?? graph) : advice!.findings),
  ];
  return { nodes, pairs, findings };
}

function reason(node: NodeProto, why: string | undefined): string {
  if (why === undefined) return "onnxruntime left it in float, though it has an integer form of this pattern";
  // Of operators that never run in integers nothing is to be said.
  return why === ALONE && !integerForm(node) ? "" : why;
}

/** What the rules say, where onnxruntime is not there to show it. */
function predict(node: NodeProto, why: string | undefined): TracedNode {
  if (isIntegerOperator(node)) return { run: "integer", kernel: node.opType };
  if (isLowBitOperator(node)) return { run: "low-bit", kernel: node.opType };
  const form = integerForm(node);
  if (why !== undefined || !form) return { run: "float", kernel: node.opType };
  return { run: form.how === "moves" ? "moved" : "integer", kernel: form.kernel };
}
