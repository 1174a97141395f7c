import type { FunctionProto, GraphProto, ModelProto, NodeProto, TensorProto } from "./proto/onnx_pb.js";

/** Every graph of a model: the main one first, then the subgraphs of its nodes (If, Loop, Scan), depth first. */
export function* graphsOf(model: ModelProto): Generator<GraphProto> {
  if (model.graph) yield* withSubgraphs(model.graph);
  for (const training of model.trainingInfo) {
    if (training.initialization) yield* withSubgraphs(training.initialization);
    if (training.algorithm) yield* withSubgraphs(training.algorithm);
  }
  for (const fn of model.functions) yield* subgraphsOf(fn);
}

function* withSubgraphs(graph: GraphProto): Generator<GraphProto> {
  yield graph;
  yield* subgraphsOf(graph);
}

function* subgraphsOf(body: GraphProto | FunctionProto): Generator<GraphProto> {
  for (const node of body.node)
    for (const { g, graphs } of node.attribute) {
      if (g) yield* withSubgraphs(g);
      for (const graph of graphs) yield* withSubgraphs(graph);
    }
}

/** Every tensor stored in a model: initializers, sparse parts and attributes, subgraphs and functions included. */
export function* tensorsOf(model: ModelProto): Generator<TensorProto> {
  for (const graph of graphsOf(model)) {
    yield* graph.initializer;
    for (const { values, indices } of graph.sparseInitializer) yield* [values, indices].filter(isPresent);
    yield* attributeTensors(graph.node);
  }
  for (const fn of model.functions) yield* attributeTensors(fn.node);
}

/** The domains of all operators used, subgraphs and functions included. */
export function* operatorDomains(model: ModelProto): Generator<string> {
  for (const { node } of [...graphsOf(model), ...model.functions])
    for (const { domain } of node) yield domain;
}

function* attributeTensors(nodes: readonly NodeProto[]): Generator<TensorProto> {
  for (const node of nodes)
    for (const { t, tensors, sparseTensor, sparseTensors } of node.attribute) {
      if (t) yield t;
      yield* tensors;
      for (const sparse of [sparseTensor, ...sparseTensors])
        yield* [sparse?.values, sparse?.indices].filter(isPresent);
    }
}

function isPresent<T>(value: T | undefined): value is T {
  return value !== undefined;
}
