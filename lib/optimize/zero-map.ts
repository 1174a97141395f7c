import { weightInputs } from "../compress/prune/weight-inputs.js";
import type { NodeProto } from "../onnx/proto/onnx_pb.js";
import { elementCount, type Tensor } from "../tensor.js";
import type { ReportLayer } from "./report.js";

/** Finer than the eye sees in a map of a card's size. */
const MOST_BLOCKS = 16;

/** The axis of a node's weight that counts output channels: for convolutions among the first two, for products among the last two. */
export function outputAxis(node: NodeProto, weight: string, rank: number): number {
  const inputs = weightInputs(node, () => rank);
  const summed = inputs.find(({ index }) => node.input[index] === weight)?.inputAxis;
  if (node.opType === "ConvTranspose") return 1;
  if (summed === undefined || rank < 2 || node.opType === "Conv") return 0;
  return summed === rank - 1 ? rank - 2 : rank - 1;
}

/** Shares of zeros in blocks of a weight: rows of output channels by columns of everything else. */
export function zeroMap(
  { data, shape }: Pick<Tensor, "data" | "shape">,
  axis: number,
): NonNullable<ReportLayer["zeros"]> {
  const channels = shape[axis] ?? 1;
  const inner = elementCount(shape.slice(axis + 1));
  const others = data.length / channels;
  const rows = Math.min(MOST_BLOCKS, channels);
  const cols = Math.min(MOST_BLOCKS, others);
  const zeros = new Float64Array(rows * cols);
  const sizes = new Float64Array(rows * cols);
  for (let i = 0; i < data.length; i += inner) {
    const lane = i / inner;
    const row = Math.floor(((lane % channels) * rows) / channels);
    const first = Math.floor(lane / channels) * inner;
    for (let k = 0; k < inner; k++) {
      const block = row * cols + Math.floor(((first + k) * cols) / others);
      sizes[block]!++;
      if (Number(data[i + k]) === 0) zeros[block]!++;
    }
  }
  const shares = Array.from(zeros, (count, block) => Math.round((1000 * count) / sizes[block]!) / 1000);
  return { rows, cols, shares };
}
