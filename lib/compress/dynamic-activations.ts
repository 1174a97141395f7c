import type { Graph } from "../graph/graph.js";

/** Names of the three results of a DynamicQuantizeLinear. */
export interface DynamicActivation {
  readonly quantized: string;
  readonly scale: string;
  readonly zeroPoint: string;
}

/** Quantizes tensors at run time, each once for all that read it. */
export class DynamicActivations {
  private readonly known = new Map<string, DynamicActivation>();

  constructor(private readonly graph: Graph) {}

  of(tensor: string): DynamicActivation {
    const known = this.known.get(tensor);
    if (known) return known;
    const names = {
      quantized: this.graph.freeName(`${tensor}_quantized`),
      scale: this.graph.freeName(`${tensor}_scale`),
      zeroPoint: this.graph.freeName(`${tensor}_zero_point`),
    };
    this.graph.addNode("DynamicQuantizeLinear", [tensor], [names.quantized, names.scale, names.zeroPoint], {
      name: this.graph.freeName(`${tensor}_QuantizeLinear`),
    });
    this.known.set(tensor, names);
    return names;
  }
}
