import { gemmToMatMul } from "../graph/gemm-to-matmul.js";
import type { Graph } from "../graph/graph.js";
import { TensorProto_DataType as DataType, type NodeProto } from "../onnx/proto/onnx_pb.js";
import { encodeTensor } from "../onnx/tensor-proto.js";
import { type Anchor, anchorOf } from "./anchors.js";
import type { DynamicActivations } from "./dynamic-activations.js";
import type { QuantizeSettings } from "./options.js";
import { weightAxis } from "./quantize-static.js";
import { WeightStore } from "./weight-store.js";

/**
 * Rewrites MatMul, Gemm and Conv with constant weights into DynamicQuantizeLinear and MatMulInteger or ConvInteger,
 * then scales back to float; node pattern and names as onnxruntime's quantizer makes them, so that its fusions apply.
 * Returns the anchors it rewrote. Weights of convolutions are uint8 with one scale: older onnxruntime versions have
 * no other ConvInteger.
 *
 * @param faint takes the names of weights whose values are too small for a scale
 */
export function quantizeDynamic(
  graph: Graph,
  anchors: Iterable<Anchor>,
  settings: QuantizeSettings,
  activations: DynamicActivations,
  faint: Set<string>,
): Anchor[] {
  const rewrite = new DynamicRewrite(graph, settings, activations, faint);
  return [...anchors].filter(
    (anchor) =>
      anchor.weight !== undefined && anchor.node.opType !== "ConvTranspose" && rewrite.apply(anchor),
  );
}

class DynamicRewrite {
  private readonly weights: WeightStore;
  private readonly convWeights: WeightStore;

  constructor(
    private readonly graph: Graph,
    private readonly settings: QuantizeSettings,
    private readonly activations: DynamicActivations,
    faint: Set<string>,
  ) {
    this.weights = new WeightStore(graph, settings, faint);
    // Products of unsigned by unsigned are exact in 8 bits everywhere.
    this.convWeights = new WeightStore(graph, { ...settings, weights: "uint8", reduceRange: false }, faint);
  }

  apply(anchor: Anchor): boolean {
    const { node } = anchor;
    if (node.opType === "Conv") {
      this.conv(node, anchor);
      return true;
    }
    const matMul = node.opType === "Gemm" ? gemmToMatMul(this.graph, node) : node;
    if (!matMul) return false;
    const rewritten = anchorOf(this.graph, matMul) as Anchor;
    this.matMul(matMul, rewritten);
    return true;
  }

  private matMul(node: NodeProto, anchor: Anchor): void {
    const x = this.activations.of(node.input[0]!);
    const weight = this.weights.quantize(anchor.weight!, weightAxis(this.graph, anchor, this.settings));
    const output = node.output[0]!;
    const name = node.name || output;
    this.graph.removeNode(node);
    const product = this.graph.freeName(`${output}_output_quantized`);
    this.graph.addNode(
      "MatMulInteger",
      [x.quantized, weight.quantized, x.zeroPoint, weight.zeroPoint],
      [product],
      { name: this.graph.freeName(`${name}_quant`) },
    );
    this.scaleBack(name, product, x.scale, weight.scale, output);
  }

  private conv(node: NodeProto, anchor: Anchor): void {
    const x = this.activations.of(node.input[0]!);
    const weight = this.convWeights.quantize(anchor.weight!, undefined);
    const output = node.output[0]!;
    const name = node.name || output;
    this.graph.removeNode(node);
    const product = this.graph.freeName(`${output}_output_quantized`);
    const integer = this.graph.addNode(
      "ConvInteger",
      [x.quantized, weight.quantized, x.zeroPoint, weight.zeroPoint],
      [product],
      { name: this.graph.freeName(`${name}_quant`) },
    );
    integer.attribute = node.attribute;
    const scaled = anchor.bias ? this.graph.freeName(`${output}_scaled`) : output;
    this.scaleBack(name, product, x.scale, weight.scale, scaled);
    if (anchor.bias) this.addBias(name, anchor, scaled, output);
  }

  /** A bias of one value per channel, shaped so that it spreads over batch and space. */
  private addBias(name: string, anchor: Anchor, scaled: string, output: string): void {
    const { data } = this.graph.model.tensor(this.graph.initializer(anchor.bias!)!);
    const rank = this.graph.initializer(anchor.weight!)!.dims.length;
    const shaped = this.graph.freeName(`${anchor.bias}_reshaped`);
    const shape = Array.from({ length: rank }, (_, axis) => (axis === 1 ? data.length : 1));
    this.graph.addInitializer(encodeTensor(shaped, "float32", shape, data));
    this.graph.addNode("Add", [scaled, shaped], [output], { name: this.graph.freeName(`${name}_bias_add`) });
  }

  /** int32 sums times input scale x weight scale. */
  private scaleBack(name: string, product: string, xScale: string, wScale: string, output: string): void {
    const cast = this.graph.freeName(`${product}_cast_output`);
    const scales = this.graph.freeName(`${name}_quant_scales_mul:0`);
    this.graph.addNode("Cast", [product], [cast], {
      name: this.graph.freeName(`${product}_cast`),
      attributes: { to: DataType.FLOAT },
    });
    this.graph.addNode("Mul", [xScale, wScale], [scales], {
      name: this.graph.freeName(`${name}_quant_scales_mul`),
    });
    this.graph.addNode("Mul", [cast, scales], [output], {
      name: this.graph.freeName(`${name}_quant_output_scale_mul`),
    });
  }
}
