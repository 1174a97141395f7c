import type { ChannelSlices } from "../../graph/channel-pairs.js";
import type { Graph } from "../../graph/graph.js";
import { minMax } from "../../minmax/min-max.js";
import { deferTensor } from "../../onnx/deferred.js";
import type { TensorProto } from "../../onnx/proto/onnx_pb.js";
import { shapeOf } from "../../onnx/tensor-proto.js";
import { Scratch } from "../../scratch.js";

/** The weights with the factors that their channels were given; what is scaled is made when it is looked at. */
export class ScaledWeights {
  private readonly scalings = new Map<string, Scaling[]>();
  private readonly scratch = new Scratch();

  constructor(private readonly graph: Graph) {}

  /** Largest magnitude of each channel. */
  magnitudes({ weight, outer, channels, inner }: ChannelSlices): Float64Array {
    const values = this.values(weight);
    if (values.length === 0) return new Float64Array(channels);
    const { min, max } = minMax(values, { shape: [outer, channels, inner], axis: 1 });
    return Float64Array.from(max, (value, channel) => Math.max(value, -min[channel]!));
  }

  /** Multiplies each channel by its factor, on top of those it has. */
  scale(slices: ChannelSlices, factors: Float64Array): void {
    const { weight, outer, inner } = slices;
    const scalings = this.scalings.get(weight) ?? [];
    this.scalings.set(weight, scalings);
    const known = scalings.find((each) => each.slices.outer === outer && each.slices.inner === inner);
    if (!known) scalings.push({ slices, factors: factors.slice() });
    else
      for (let channel = 0; channel < factors.length; channel++) known.factors[channel]! *= factors[channel]!;
  }

  /** Puts the scaled weights in place of the others. */
  store(): void {
    for (const [name, scalings] of this.scalings) {
      const stored = this.graph.initializer(name)!;
      const scaled = deferTensor(name, "float32", shapeOf(stored), (out) =>
        setScaled(out as Float32Array, this.stored(stored), scalings),
      );
      this.graph.addInitializer(scaled);
    }
    this.scalings.clear();
  }

  private values(name: string): Float32Array {
    const stored = this.graph.initializer(name)!;
    const scalings = this.scalings.get(name);
    const values = this.stored(stored);
    if (!scalings) return values;
    const scaled = new Float32Array(this.scratch.take(values.byteLength), 0, values.length);
    setScaled(scaled, values, scalings);
    return scaled;
  }

  private stored(stored: TensorProto): Float32Array {
    return this.graph.model.tensor(stored).data as Float32Array;
  }
}

interface Scaling {
  readonly slices: ChannelSlices;
  readonly factors: Float64Array;
}

function setScaled(out: Float32Array, values: Float32Array, scalings: readonly Scaling[]): void {
  out.set(values);
  for (const { slices, factors } of scalings) {
    const { outer, channels, inner } = slices;
    for (let o = 0, at = 0; o < outer; o++)
      for (let c = 0; c < channels; c++) for (let i = 0; i < inner; i++) out[at++]! *= factors[c]!;
  }
}
