import { ModelFormatError } from "../errors.js";
import type { Graph } from "../graph/graph.js";
import { minMax } from "../minmax/min-max.js";
import { encodeTensor } from "../onnx/tensor-proto.js";
import { computeQuantParams } from "../quantize/compute-quant-params.js";
import { quantizeLinear } from "../quantize/quantize-linear.js";
import type { QuantizeSettings } from "./options.js";

/** One scale per index of this axis, or per row (all axes but the last together), or one for the whole weight. */
export type WeightAxis = number | "rows" | undefined;

/** Names of the initializers that hold a quantized weight. */
export interface QuantizedWeight {
  readonly quantized: string;
  readonly scale: string;
  readonly zeroPoint: string;
  /** One value, or one per channel. */
  readonly scales: Float32Array;
  readonly zeroPoints: Int32Array;
}

/**
 * Quantizes initializers once, however many nodes use them. Scale and zero point follow onnxruntime's quantizer:
 * int8 weights are symmetric in -127..127, uint8 ones asymmetric in 0..255.
 */
export class WeightStore {
  private readonly scales = new Map<string, Float32Array>();
  private readonly zeroPoints = new Map<string, Int32Array>();
  private readonly stored = new Map<string, QuantizedWeight>();

  constructor(
    private readonly graph: Graph,
    private readonly settings: QuantizeSettings,
  ) {}

  /** Scale of a weight, one value or one per channel along `axis`. Throws TENSOR_INVALID when it holds NaN or infinity. */
  scalesOf(weight: string, axis: WeightAxis): Float32Array {
    const key = keyOf(weight, axis);
    const known = this.scales.get(key);
    if (known) return known;
    const { data } = this.floats(weight);
    const layout = this.layout(weight, axis);
    const range = layout === undefined ? minMax(data) : minMax(data, layout);
    const mins = typeof range.min === "number" ? [range.min] : range.min;
    const maxs = typeof range.max === "number" ? [range.max] : range.max;
    const scales = new Float32Array(mins.length);
    const zeroPoints = new Int32Array(mins.length);
    for (let i = 0; i < scales.length; i++) {
      const [min, max] = [mins[i]!, maxs[i]!];
      if (!Number.isFinite(min) || !Number.isFinite(max))
        throw new ModelFormatError(
          "TENSOR_INVALID",
          "the weight holds NaN or infinity, so it has no int8 form",
          {
            path: this.graph.model.path,
            field: `tensor ${JSON.stringify(weight)}`,
          },
        );
      const { weights: dtype, reduceRange } = this.settings;
      const params = computeQuantParams({ min, max, dtype, symmetric: dtype === "int8", reduceRange });
      scales[i] = params.scale;
      zeroPoints[i] = params.zeroPoint;
    }
    this.scales.set(key, scales);
    this.zeroPoints.set(key, zeroPoints);
    return scales;
  }

  /** Raises scales that are too small for what is built on them; only before the weight is quantized. */
  raiseScales(weight: string, axis: WeightAxis, atLeast: (channel: number) => number): void {
    const scales = this.scalesOf(weight, axis);
    for (let i = 0; i < scales.length; i++) scales[i] = Math.max(scales[i]!, atLeast(i));
  }

  /** Quantizes a weight (once) and adds its initializers to the graph. */
  quantize(weight: string, axis: WeightAxis): QuantizedWeight {
    const key = keyOf(weight, axis);
    const known = this.stored.get(key);
    if (known) return known;
    const scales = this.scalesOf(weight, axis);
    const zeroPoints = this.zeroPoints.get(key)!;
    const { data, shape } = this.floats(weight);
    const { weights: dtype } = this.settings;
    const layout = this.layout(weight, axis);
    const quantized = quantizeLinear(data, {
      dtype,
      scale: layout === undefined ? scales[0]! : scales,
      zeroPoint: layout === undefined ? zeroPoints[0]! : zeroPoints,
      ...layout,
    });
    const paramShape = axis === undefined ? [] : [scales.length];
    const zeroPointData = dtype === "int8" ? Int8Array.from(zeroPoints) : Uint8Array.from(zeroPoints);
    const names = {
      quantized: this.graph.freeName(`${weight}_quantized`),
      scale: this.graph.freeName(`${weight}_scale`),
      zeroPoint: this.graph.freeName(`${weight}_zero_point`),
    };
    this.graph.addInitializer(encodeTensor(names.quantized, dtype, shape, quantized));
    this.graph.addInitializer(encodeTensor(names.scale, "float32", paramShape, scales));
    this.graph.addInitializer(encodeTensor(names.zeroPoint, dtype, paramShape, zeroPointData));
    const result = { ...names, scales, zeroPoints };
    this.stored.set(key, result);
    return result;
  }

  /** The output of a DequantizeLinear over the quantized weight, made once. */
  dequantized(weight: string, axis: number | undefined): string {
    const { quantized, scale, zeroPoint } = this.quantize(weight, axis);
    const existing = this.graph.consumers(quantized).find(({ node }) => node.opType === "DequantizeLinear");
    if (existing) return existing.node.output[0]!;
    const output = this.graph.freeName(`${weight}_DequantizeLinear_Output`);
    this.graph.addNode("DequantizeLinear", [quantized, scale, zeroPoint], [output], {
      name: this.graph.freeName(`${weight}_DequantizeLinear`),
      attributes: axis === undefined ? {} : { axis },
    });
    return output;
  }

  private layout(weight: string, axis: WeightAxis): { shape: readonly number[]; axis: number } | undefined {
    if (axis === undefined) return undefined;
    const { data, shape } = this.floats(weight);
    if (axis !== "rows") return { shape, axis };
    const last = shape.at(-1)!;
    return { shape: [data.length / last, last], axis: 0 };
  }

  private floats(weight: string): { data: Float32Array; shape: readonly number[] } {
    const { data, shape } = this.graph.model.tensor(this.graph.initializer(weight)!);
    return { data: data as Float32Array, shape };
  }
}

function keyOf(weight: string, axis: WeightAxis): string {
  return `${axis ?? ""}:${weight}`;
}
