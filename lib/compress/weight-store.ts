import { ModelFormatError } from "../errors.js";
import type { Graph } from "../graph/graph.js";
import { transpose } from "../graph/transpose.js";
import { deferTensor, transposeSource } from "../onnx/deferred.js";
import { type FloatPiece, floatPieces, floatsOf } from "../onnx/floats-of.js";
import type { TensorProto } from "../onnx/proto/onnx_pb.js";
import { encodeTensor, shapeOf } from "../onnx/tensor-proto.js";
import { computeQuantParams } from "../quantize/compute-quant-params.js";
import { quantizeLinear } from "../quantize/quantize-linear.js";
import { Scratch } from "../scratch.js";
import { elementCount } from "../tensor.js";
import { isFaint } from "./faint.js";
import type { QuantizeSettings } from "./options.js";
import { bestShares, type ChannelLayout, channelRanges, pieceLayout } from "./weight-ranges.js";
import { ZeroPoints } from "./zero-points.js";

type QuantizedArray = Int8Array | Uint8Array;

/** One scale per index of this axis, or per row (all axes but the last together), or one for the whole weight. */
export type WeightAxis = number | "rows" | undefined;

/** Scale and zero point of each channel, or of the whole weight. */
export interface WeightParams {
  readonly scales: Float32Array;
  readonly zeroPoints: Int32Array;
}

/** Names of the initializers that hold a quantized weight. */
export interface QuantizedWeight {
  readonly quantized: string;
  readonly scale: string;
  readonly zeroPoint: string;
  /** Looks at the weight where nobody did before; else that is done when the model is written. */
  params(): WeightParams;
}

/** Where the floats of a weight lie, and how its scales are spread over them. */
interface Source {
  readonly weight: string;
  readonly stored: TensorProto;
  /** The weight is that matrix with rows and columns exchanged. */
  readonly transposed: boolean;
  readonly layout: ChannelLayout;
  readonly channels: number;
  readonly key: string;
}

/**
 * Quantizes initializers once, however many nodes use them. Scale and zero point follow onnxruntime's quantizer:
 * int8 weights are symmetric in -127..127, uint8 ones asymmetric in 0..255. The values themselves are made when the
 * model is written, one weight at a time, and so are scales that nothing else depends on: a weight is read once.
 */
export class WeightStore {
  private readonly known = new Map<string, WeightParams>();
  private readonly stored = new Map<string, QuantizedWeight>();
  readonly zeroPoints: ZeroPoints;
  private readonly scratch = new Scratch();
  private readonly copied = new Scratch();
  /** The weight that was looked at last, where that is still in memory as a whole. */
  private latest: { key: string; piece: FloatPiece } | undefined;

  /** @param faint takes the names of weights with channels whose values are too small for a scale */
  constructor(
    private readonly graph: Graph,
    private readonly settings: QuantizeSettings,
    readonly faint: Set<string>,
  ) {
    this.zeroPoints = new ZeroPoints(graph);
  }

  /** Scale of a weight, one value or one per channel along `axis`. Throws TENSOR_INVALID when it holds NaN or infinity. */
  scalesOf(weight: string, axis: WeightAxis): Float32Array {
    return this.params(weight, axis).scales;
  }

  /** Raises scales that are too small for what is built on them; only before the weight is quantized. */
  raiseScales(weight: string, axis: WeightAxis, atLeast: (channel: number) => number): void {
    const scales = this.scalesOf(weight, axis);
    for (let i = 0; i < scales.length; i++) scales[i] = Math.max(scales[i]!, atLeast(i));
  }

  /** Scales and zero points of a weight as they are now, for steps that are chosen elsewhere. Throws as scalesOf. */
  params(weight: string, axis: WeightAxis): WeightParams {
    return this.paramsOf(this.source(weight, axis));
  }

  /** Quantizes a weight (once), to the nearest steps or to those given, and adds its initializers to the graph. */
  quantize(weight: string, axis: WeightAxis, steps?: Int8Array | Uint8Array): QuantizedWeight {
    const source = this.source(weight, axis);
    const known = this.stored.get(source.key);
    if (known) return known;
    const { weights: dtype } = this.settings;
    const paramShape = axis === undefined ? [] : [source.channels];
    const params = () => this.paramsOf(source);
    const names = {
      quantized: this.graph.freeName(`${weight}_quantized`),
      scale: this.graph.freeName(`${weight}_scale`),
      zeroPoint:
        dtype === "int8"
          ? this.zeroPoints.of("int8", 0, paramShape[0])
          : this.deferZeroPoints(`${weight}_zero_point`, paramShape, params),
    };
    const shape = shapeOf(this.graph.initializer(weight)!);
    this.graph.addInitializer(
      steps === undefined
        ? deferTensor(names.quantized, dtype, shape, (out) => this.fill(source, out as QuantizedArray))
        : encodeTensor(names.quantized, dtype, shape, steps),
    );
    this.graph.addInitializer(
      deferTensor(names.scale, "float32", paramShape, (out) => (out as Float32Array).set(params().scales)),
    );
    const result = { ...names, params };
    this.stored.set(source.key, result);
    return result;
  }

  /**
   * The output of a DequantizeLinear over the quantized weight, made once.
   *
   * @param bare without zero points that are 0: onnxruntime fuses convolutions so, but not matrix products
   */
  dequantized(weight: string, axis: number | undefined, bare: boolean): string {
    const { quantized, scale, zeroPoint } = this.quantize(weight, axis);
    const existing = this.graph.consumers(quantized).find(({ node }) => node.opType === "DequantizeLinear");
    if (existing) return existing.node.output[0]!;
    const output = this.graph.freeName(`${weight}_dequantized`);
    const parameters = bare && this.settings.weights === "int8" ? [scale] : [scale, zeroPoint];
    this.graph.addNode("DequantizeLinear", [quantized, ...parameters], [output], {
      attributes: axis === undefined ? {} : { axis },
    });
    return output;
  }

  private deferZeroPoints(base: string, shape: readonly number[], params: () => WeightParams): string {
    const name = this.graph.freeName(base);
    this.graph.addInitializer(
      deferTensor(name, "uint8", shape, (out) => (out as Uint8Array).set(params().zeroPoints)),
    );
    return name;
  }

  private paramsOf(source: Source): WeightParams {
    const known = this.known.get(source.key);
    if (known) return known;
    const { stored, layout, channels } = source;
    const { mins, maxs } = channelRanges(this.pieces(source), layout, channels);
    const bad = mins.findIndex((min, i) => !Number.isFinite(min) || !Number.isFinite(maxs[i]!));
    if (bad >= 0)
      throw new ModelFormatError(
        "TENSOR_INVALID",
        "the weight holds NaN or infinity, so it has no int8 form",
        { path: this.graph.model.path, field: `tensor ${JSON.stringify(source.weight)}` },
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
    const shares =
      weightScales === "mse"
        ? bestShares(floatsOf(this.graph.model, stored, this.copied), layout, dtype, channels, paramsOf)
        : undefined;
    const params = { scales: new Float32Array(channels), zeroPoints: new Int32Array(channels) };
    for (let i = 0; i < channels; i++) {
      const { scale, zeroPoint } = paramsOf(i, shares?.[i] ?? 1);
      params.scales[i] = scale;
      params.zeroPoints[i] = zeroPoint;
      if (isFaint({ min: mins[i]!, max: maxs[i]!, scale })) this.faint.add(source.weight);
    }
    this.known.set(source.key, params);
    return params;
  }

  /** Makes the steps of a weight. */
  private fill(source: Source, out: QuantizedArray): void {
    const { stored, transposed, channels } = source;
    const { scales, zeroPoints } = this.paramsOf(source);
    const array = out instanceof Int8Array ? Int8Array : Uint8Array;
    // Bytes are exchanged instead of floats, and no second copy of the floats is made.
    const straight = transposed ? new array(this.scratch.take(out.length), 0, out.length) : out;
    const width = elementCount(cutShape(stored, source.layout).slice(1));
    for (const { from, to, values } of this.pieces(source)) {
      const { layout } = source;
      const part = straight.subarray(from * width, to * width);
      const [first, last] = layout?.axis === 0 ? [from, to] : [0, channels];
      const grid = layout && {
        scale: scales.subarray(first, last),
        zeroPoint: zeroPoints.subarray(first, last),
        ...pieceLayout(layout, from, to),
      };
      quantizeLinear(values, { ...(grid ?? { scale: scales[0]!, zeroPoint: zeroPoints[0]! }), out: part });
    }
    if (!transposed) return;
    const [rows, columns] = shapeOf(stored) as [number, number];
    transpose(straight, out, rows, columns);
  }

  private source(weight: string, axis: WeightAxis): Source {
    const tensor = this.graph.initializer(weight)!;
    const original = transposeSource(tensor);
    const stored = original ?? tensor;
    const transposed = original !== undefined;
    const layout = layoutOf(shapeOf(stored), axis, transposed);
    const channels = layout?.shape[layout.axis] ?? 1;
    return { weight, stored, transposed, layout, channels, key: `${axis ?? ""}:${weight}` };
  }

  /** The floats of a weight; what is looked at again at once is not fetched again. */
  private *pieces({ key, stored, layout }: Source): Generator<FloatPiece> {
    if (this.latest?.key === key) {
      yield this.latest.piece;
      return;
    }
    this.latest = undefined;
    const shape = cutShape(stored, layout);
    for (const piece of floatPieces(this.graph.model, stored, shape, this.copied)) {
      if (piece.to - piece.from === shape[0]) this.latest = { key, piece };
      yield piece;
    }
  }
}

/** The shape along whose first axis a weight is cut into pieces. */
function cutShape(stored: TensorProto, layout: ChannelLayout): readonly number[] {
  return layout?.shape ?? [elementCount(shapeOf(stored))];
}

function layoutOf(shape: number[], axis: WeightAxis, transposed: boolean): ChannelLayout {
  if (axis === undefined) return undefined;
  // Of a transposed matrix only its columns are asked for, which are rows where it lies.
  if (axis !== "rows") return { shape, axis: transposed ? 1 - axis : axis };
  const last = shape.at(-1)!;
  return { shape: [elementCount(shape.slice(0, -1)), last], axis: 0 };
}
