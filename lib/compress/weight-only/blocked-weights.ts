import { ModelFormatError } from "../../errors.js";
import type { Graph } from "../../graph/graph.js";
import { transpose } from "../../graph/transpose.js";
import { minMax } from "../../minmax/min-max.js";
import { deferTensor, transposeSource } from "../../onnx/deferred.js";
import { floatsOf } from "../../onnx/floats-of.js";
import type { TensorProto } from "../../onnx/proto/onnx_pb.js";
import { shapeOf } from "../../onnx/tensor-proto.js";
import { type ResolvedLayout, resolveLayout } from "../../quantize/blockwise-layout.js";
import type { BlockwiseArrays } from "../../quantize/quantize-blockwise.js";
import { Scratch } from "../../scratch.js";
import type { BlockSettings } from "./block-options.js";
import type { BlockQuantizer } from "./block-quantizer.js";
import { stepsInRows } from "./steps-in-rows.js";

/** Names of the initializers that hold a weight in blocks. */
export interface BlockedWeight {
  readonly packed: string;
  readonly scales: string;
  /** Absent where all are the middle step. */
  readonly zeroPoints: string | undefined;
}

/** A matrix among the initializers, and how it is cut into blocks. */
interface Matrix {
  readonly weight: string;
  readonly stored: TensorProto;
  readonly layout: ResolvedLayout;
}

/**
 * Quantizes initializers in blocks, once for all nodes that use them. The values are made when the model is written, one
 * weight at a time, straight from where its floats lie: the steps, then the scales and zero points that came with them.
 */
export class BlockedWeights {
  private readonly known = new Map<string, BlockedWeight>();
  private readonly scratch = new Scratch();
  private readonly floats = new Scratch();
  private latest: { matrix: Matrix; scales: Float32Array; zeroPoints: Uint8Array | undefined } | undefined;

  constructor(
    private readonly graph: Graph,
    private readonly settings: BlockSettings,
    private readonly quantizer: BlockQuantizer,
    private readonly faint: Set<string>,
  ) {}

  /** A weight [K, N] as MatMulNBits takes it: steps [N, blocks, bytes], scales [N, blocks], zero points [N, bytes]. */
  forProduct(weight: string, bits: 4 | 8): BlockedWeight {
    const matrix = this.productOf(weight, bits);
    const { cols, blockSize, scales } = matrix.layout;
    return this.store(matrix, `_Q${bits}`, [cols, scales / cols, (blockSize * bits) / 8]);
  }

  /** A table [rows, width] as GatherBlockQuantized takes it: steps [rows, bytes], scales [rows, blocks], zero points [rows, bytes]. */
  forLookUp(table: string, bits: 4 | 8): BlockedWeight {
    const stored = this.graph.initializer(table)!;
    const [rows, width] = shapeOf(stored) as [number, number];
    const matrix = { weight: table, stored, layout: this.layout(width, rows, true, bits) };
    return this.store(matrix, `_rows_Q${bits}`, [rows, matrix.layout.packed / rows]);
  }

  /** A weight [K, N] as DequantizeLinear takes it along axis 0: int4 [K, N], or uint4 with zero points; scales [blocks, N]. */
  forDequantize(weight: string): BlockedWeight {
    const matrix = this.productOf(weight, 4);
    const { rows, cols, scales } = matrix.layout;
    const shape = [scales / cols, cols] as const;
    const dtype = this.settings.symmetric ? "int4" : "uint4";
    return this.once(matrix, "_DQ_Q4", (names) => {
      this.defer(names.packed, dtype, [rows, cols], (out) => {
        const packed = new Uint8Array(this.scratch.take(matrix.layout.packed), 0, matrix.layout.packed);
        this.make(matrix, packed);
        stepsInRows(packed, out as Uint8Array, matrix.layout, dtype);
      });
      this.defer(names.scales, "float32", shape, (out) =>
        transpose(this.parameters(matrix).scales, out as Float32Array, cols, shape[0]),
      );
      if (names.zeroPoints !== undefined)
        this.defer(names.zeroPoints, dtype, shape, (out) =>
          stepsInRows(
            this.parameters(matrix).zeroPoints!,
            out as Uint8Array,
            { rows: shape[0], cols },
            dtype,
          ),
        );
    });
  }

  private store(matrix: Matrix, suffix: string, shape: readonly number[]): BlockedWeight {
    const { cols, scales, zeroPoints } = matrix.layout;
    return this.once(matrix, suffix, (names) => {
      this.defer(names.packed, "uint8", shape, (out) => this.make(matrix, out as Uint8Array));
      this.defer(names.scales, "float32", [cols, scales / cols], (out) =>
        (out as Float32Array).set(this.parameters(matrix).scales),
      );
      if (names.zeroPoints !== undefined)
        this.defer(names.zeroPoints, "uint8", [cols, zeroPoints / cols], (out) =>
          (out as Uint8Array).set(this.parameters(matrix).zeroPoints!),
        );
    });
  }

  private once(
    { weight, stored, layout }: Matrix,
    suffix: string,
    add: (names: BlockedWeight) => void,
  ): BlockedWeight {
    const key = `${suffix}:${layout.transposed}:${stored.name}`;
    const known = this.known.get(key);
    if (known) return known;
    const kind = suffix.replace(/_?Q\d$/, "");
    const names = {
      packed: this.graph.freeName(`${weight}${suffix}`),
      scales: this.graph.freeName(`${weight}${kind}_scales`),
      zeroPoints: this.settings.symmetric ? undefined : this.graph.freeName(`${weight}${kind}_zero_points`),
    };
    add(names);
    this.known.set(key, names);
    return names;
  }

  private defer(...[name, dtype, shape, fill]: Parameters<typeof deferTensor>): void {
    this.graph.addInitializer(deferTensor(name, dtype, shape, fill));
  }

  /** Fills `packed`, and keeps what belongs to it until another weight is made. */
  private make(matrix: Matrix, packed: Uint8Array): BlockwiseArrays {
    const { weight, stored, layout } = matrix;
    const values = floatsOf(this.graph.model, stored, this.floats);
    const { min, max } = minMax(values);
    if (!Number.isFinite(min) || !Number.isFinite(max))
      throw new ModelFormatError(
        "TENSOR_INVALID",
        "the weight holds NaN or infinity, so it cannot be quantized",
        {
          path: this.graph.model.path,
          field: `tensor ${JSON.stringify(stored.name)}`,
        },
      );
    const scales = new Float32Array(layout.scales);
    const zeroPoints = this.settings.symmetric ? undefined : new Uint8Array(layout.zeroPoints);
    const arrays = { packed, scales, ...(zeroPoints && { zeroPoints }) };
    const { rows, cols, bits, blockSize, transposed } = layout;
    this.quantizer(
      { weight, source: stored.name, values, layout: { rows, cols, bits, blockSize, transposed } },
      arrays,
    );
    if (scales.some(isSubnormal)) this.faint.add(stored.name);
    this.latest = { matrix, scales, zeroPoints };
    return arrays;
  }

  private parameters(matrix: Matrix): Omit<BlockwiseArrays, "packed"> {
    if (this.latest?.matrix === matrix) return this.latest;
    const { packed } = matrix.layout;
    return this.make(matrix, new Uint8Array(this.scratch.take(packed), 0, packed));
  }

  private productOf(weight: string, bits: 4 | 8): Matrix {
    const tensor = this.graph.initializer(weight)!;
    const source = transposeSource(tensor);
    const [rows, cols] = shapeOf(tensor) as [number, number];
    return { weight, stored: source ?? tensor, layout: this.layout(rows, cols, source !== undefined, bits) };
  }

  private layout(rows: number, cols: number, transposed: boolean, bits: 4 | 8): ResolvedLayout {
    return resolveLayout({ rows, cols, bits, blockSize: this.settings.blockSize, transposed });
  }
}

/** Steps are counted with the reciprocal of a scale, which float32 does not have of these. */
function isSubnormal(scale: number): boolean {
  return scale !== 0 && Math.abs(scale) < 2 ** -126;
}
