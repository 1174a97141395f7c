import type { ModelProto } from "../onnx/proto/onnx_pb.js";
import { graphsOf } from "../onnx/walk.js";

/** The names of a model's tensors and nodes: none may be given twice, in a subgraph and around it neither. */
export class Names {
  private readonly taken = new Set<string>();

  constructor(model: ModelProto) {
    for (const { initializer, input, node } of graphsOf(model)) {
      for (const { name } of [...initializer, ...input]) this.taken.add(name);
      for (const { name, output } of node) for (const each of [name, ...output]) this.taken.add(each);
    }
  }

  take(name: string): void {
    this.taken.add(name);
  }

  /** A name that nothing has yet, taken from now on: `base`, or `base_2`, `base_3`, ... */
  free(base: string): string {
    let name = base;
    for (let i = 2; this.taken.has(name); i++) name = `${base}_${i}`;
    this.taken.add(name);
    return name;
  }
}
