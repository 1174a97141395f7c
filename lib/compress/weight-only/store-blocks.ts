import { Graph } from "../../graph/graph.js";
import { graphsOf } from "../../onnx/walk.js";
import { onnxruntimeVersion } from "../../runtime/onnxruntime-version.js";
import type { SparedReason } from "../exclude-nodes.js";
import type { NodeTreatment } from "../options.js";
import type { BlockSettings } from "./block-options.js";
import type { BlockQuantizer } from "./block-quantizer.js";
import { BlockedWeights } from "./blocked-weights.js";
import { quantizeLookUps } from "./quantize-lookups.js";
import { quantizeProducts } from "./quantize-products.js";

/** From these versions of onnxruntime on its CPU provider has MatMulNBits of 8 bits, and GatherBlockQuantized of bytes. */
const EIGHT_BITS_SINCE = [1, 22] as const;
const LOOK_UP_SINCE = [1, 23] as const;

/**
 * Stores the weights of matrix products and embeddings in blocks, in the main graph and in subgraphs. What has no such form
 * is left as it is.
 *
 * @param quantizer chooses scales, zero points and steps
 * @param faint takes, when the model is written, the names of weights whose values are too small for a scale
 * @returns what was done with every MatMul, Gemm and embedding, and what the user should know
 */
export function storeBlocks(
  graph: Graph,
  asked: BlockSettings,
  spared: SparedReason,
  quantizer: BlockQuantizer,
  faint: Set<string>,
): { nodes: NodeTreatment[]; warnings: string[] } {
  const version = onnxruntimeVersion();
  const has = ([major, minor]: readonly [number, number]): boolean =>
    version === undefined || version[0] > major || (version[0] === major && version[1] >= minor);
  const installed = `the installed onnxruntime-node ${version?.join(".")}`;
  if (asked.bits === 8 && !has(EIGHT_BITS_SINCE)) {
    const warning = `${installed} has no MatMulNBits of 8 bits (${EIGHT_BITS_SINCE.join(".")} has): weights have one scale per channel instead, and come back to float when the model is loaded`;
    return { nodes: [], warnings: [warning] };
  }
  const settings = has(EIGHT_BITS_SINCE) ? asked : { ...asked, headBits: 4 as const };
  const { blockSize, embeddingBits } = settings;
  const warnings: string[] = [];
  if (embeddingBits !== undefined && !has(LOOK_UP_SINCE))
    warnings.push(
      `${installed} cannot look up rows in blocks (${LOOK_UP_SINCE.join(".")} can): embeddings have one scale per row instead`,
    );
  const treat = (each: Graph): NodeTreatment[] => {
    const weights = new BlockedWeights(each, settings, quantizer, faint);
    const products = quantizeProducts(each, settings, weights, spared);
    const tables =
      embeddingBits !== undefined && has(LOOK_UP_SINCE)
        ? quantizeLookUps(each, blockSize, embeddingBits, weights, spared)
        : [];
    each.commit();
    return [...products, ...tables];
  };
  const nodes = treat(graph);
  const [, ...subgraphs] = graphsOf(graph.model.proto);
  for (const proto of subgraphs) nodes.push(...treat(new Graph(graph.model, proto)));
  return { nodes, warnings };
}
