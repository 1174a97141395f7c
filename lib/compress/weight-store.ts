import { ModelFormatError } from "../errors.js";
import type { Graph } from "../graph/graph.js";
import { transpose } from "../graph/transpose.js";
import { deferTensor, transposeSource } from "../onnx/deferred.js";
import { floatsOf } from "../onnx/floats-of.js";
import type { TensorProto } from "../onnx/proto/onnx_pb.js";
import { encodeTensor, shapeOf } from "../onnx/tensor-proto.js";
import { computeQuantParams } from "../quantize/compute-quant-params.js";
import { quantizeLinear } from "../quantize/quantize-linear.js";
import { Scratch } from "../scratch.js";
import { elementCount } from "../tensor.js";
import type { QuantizeSettings } from "./options.js";
import { bestShares, channelRanges } from "./weight-ranges.js";
import { zeroPointTensor } from "./zero-point-tensor.js";

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

/** Where the floats of a weight lie, and how its scales are spread over them. */
interface Source {
  readonly stored: TensorProto;
  /** The weight is that matrix with rows and columns exchanged. */
  readonly transposed: boolean;
  readonly layout: { shape: readonly number[]; axis: number } | undefined;
}

/**
 * Quantizes initializers once, however many nodes use them. Scale and zero point follow onnxruntime's quantizer:
 * int8 weights are symmetric in -127..127, uint8 ones asymmetric in 0..255. The values themselves are made when the
 * model is written, one weight at a time.
 */
export class WeightStore {
  private readonly scales = new Map<string, Float32Array>();
  private readonly zeroPoints = new Map<string, Int32Array>();
  private readonly stored = new Map<string, QuantizedWeight>();
  private readonly scratch = new Scratch();
  private readonly copied = new Scratch();

  constructor(
    private readonly graph: Graph,
    private readonly settings: QuantizeSettings,
  ) {}

  /** Scale of a weight, one value or one per channel along `axis`. Throws TENSOR_INVALID when it holds NaN or infinity. */
  scalesOf(weight: string, axis: WeightAxis): Float32Array {
    const key = keyOf(weight, axis);
    const known = this.scales.get(key);
    if (known) return known;
    const { stored, layout } = this.source(weight, axis);
    const floats = this.floats(stored);
    const { mins, maxs } = channelRanges(floats, layout);
    const bad = mins.findIndex((min, i) => !Number.isFinite(min) || !Number.isFinite(maxs[i]!));
    if (bad >= 0)
      throw new ModelFormatError(
        "TENSOR_INVALID",
        "the weight holds NaN or infinity, so it has no int8 form",
        { path: this.graph.model.path, field: `tensor ${JSON.stringify(weight)}` },
      );
    const { weights: dtype, reduceRange, weightScales } = this.settings;
    const paramsOf = (channel: number, share: number) =>
      computeQuantParams({
        min: mins[channel]! * share,
        max: maxs[channel]! * share,
        dtype,
        symmetric: dtype === "int8",
        reduceRange,
      });
    const scales = new Float32Array(mins.length);
    const zeroPoints = new Int32Array(mins.length);
    const shares =
      weightScales === "mse" ? bestShares(floats, layout, dtype, mins.length, paramsOf) : undefined;
    for (let i = 0; i < scales.length; i++) {
      const params = paramsOf(i, shares?.[i] ?? 1);
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

  /** Scales and zero points of a weight as they are now, for steps that are chosen elsewhere. */
  params(weight: string, axis: WeightAxis): { scales: Float32Array; zeroPoints: Int32Array } {
    const scales = this.scalesOf(weight, axis);
    return { scales, zeroPoints: this.zeroPoints.get(keyOf(weight, axis))! };
  }

  /** Quantizes a weight (once), to the nearest steps or to those given, and adds its initializers to the graph. */
  quantize(weight: string, axis: WeightAxis, steps?: Int8Array | Uint8Array): QuantizedWeight {
    const key = keyOf(weight, axis);
    const known = this.stored.get(key);
    if (known) return known;
    const { scales, zeroPoints } = this.params(weight, axis);
    const { weights: dtype } = this.settings;
    const paramShape = axis === undefined ? [] : [scales.length];
    const names = {
      quantized: this.graph.freeName(`${weight}_quantized`),
      scale: this.graph.freeName(`${weight}_scale`),
      zeroPoint: this.graph.freeName(`${weight}_zero_point`),
    };
    this.graph.addInitializer(
      steps === undefined
        ? this.quantized(names.quantized, weight, axis, { scale: scales, zeroPoint: zeroPoints })
        : encodeTensor(names.quantized, dtype, shapeOf(this.graph.initializer(weight)!), steps),
    );
    this.graph.addInitializer(encodeTensor(names.scale, "float32", paramShape, scales));
    this.graph.addInitializer(zeroPointTensor(names.zeroPoint, dtype, zeroPoints, paramShape));
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

  private quantized(
    name: string,
    weight: string,
    axis: WeightAxis,
    { scale, zeroPoint }: { scale: Float32Array; zeroPoint: Int32Array },
  ): TensorProto {
    const { stored, transposed, layout } = this.source(weight, axis);
    const { weights: dtype } = this.settings;
    const options =
      layout === undefined ? { scale: scale[0]!, zeroPoint: zeroPoint[0]! } : { scale, zeroPoint, ...layout };
    const shape = shapeOf(this.graph.initializer(weight)!);
    const array = dtype === "int8" ? Int8Array : Uint8Array;
    return deferTensor(name, dtype, shape, (data) => {
      const out = data as Int8Array | Uint8Array;
      if (!transposed) {
        quantizeLinear(this.floats(stored), { ...options, out });
        return;
      }
      // Bytes are exchanged instead of floats, and no second copy of the floats is made.
      const straight = new array(this.scratch.take(out.length), 0, out.length);
      quantizeLinear(this.floats(stored), { ...options, out: straight });
      const [rows, columns] = shapeOf(stored) as [number, number];
      transpose(straight, out, rows, columns);
    });
  }

  private source(weight: string, axis: WeightAxis): Source {
    const tensor = this.graph.initializer(weight)!;
    const original = transposeSource(tensor);
    const stored = original ?? tensor;
    const transposed = original !== undefined;
    const shape = shapeOf(stored);
    if (axis === undefined) return { stored, transposed, layout: undefined };
    // Of a transposed matrix only its columns are asked for, which are rows where it lies.
    if (axis !== "rows") return { stored, transposed, layout: { shape, axis: transposed ? 1 - axis : axis } };
    const last = shape.at(-1)!;
    return { stored, transposed, layout: { shape: [elementCount(shape) / last, last], axis: 0 } };
  }

  private floats(stored: TensorProto): Float32Array {
    return floatsOf(this.graph.model, stored, this.copied);
  }
}

function keyOf(weight: string, axis: WeightAxis): string {
  return `${axis ?? ""}:${weight}`;
}
