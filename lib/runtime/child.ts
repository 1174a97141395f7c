import { ModelOperationError } from "../errors.js";
import { folding } from "./child/fold-runs.js";
import {
  convertFeeds,
  loadedModel,
  loadModel,
  releaseModel,
  runModel,
  runtimeVersion,
} from "./child/loaded-model.js";
import { timeModels } from "./child/time-models.js";
import type { Handlers, Method, Reply, Request } from "./protocol.js";

const handlers: Handlers<Method> = {
  ...folding,
  load: loadModel,
  release: ({ session }) => releaseModel(session),
  run: async ({ session, feeds, outputNames }) =>
    runModel(loadedModel(session), await convertFeeds(feeds), outputNames),
  time: timeModels,
  version: runtimeVersion,
  peakMemory: async () => process.resourceUsage().maxRSS * 1024,
};

async function answer<M extends Method>({ id, method, params }: Request<M>): Promise<void> {
  let reply: Reply;
  try {
    reply = { id, result: await handlers[method](params) };
  } catch (error) {
    const code = error instanceof ModelOperationError ? error.code : "RUNTIME_FAILED";
    reply = { id, error: { code, message: (error as Error).message } };
  }
  process.send!(reply);
}

// One request at a time, in order: a run blocks this process anyway, and timings must not overlap.
let queue = Promise.resolve();
process.on("message", (request: Request) => {
  queue = queue.then(() => answer(request));
});
process.on("disconnect", () => process.exit(0));
// Ctrl-C reaches the whole process group; the parent decides what becomes of this process.
process.on("SIGINT", () => undefined);
