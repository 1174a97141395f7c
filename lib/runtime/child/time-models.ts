import type { InferenceSession } from "onnxruntime-node";
import type { Methods } from "../protocol.js";
import { convertFeeds, type LoadedModel, loadedModel, runtimeCall } from "./loaded-model.js";

/** Times models in turn: one list per model, one number per round. */
export async function timeModels({
  sessions,
  feeds,
  options,
}: Methods["time"]["params"]): Promise<number[][]> {
  const inputs = await convertFeeds(feeds);
  const models = sessions.map(loadedModel);
  const repeats: number[] = [];
  // One run at least tells how many fit into a turn.
  const warmup = Math.max(options.warmup, options.minMs > 0 ? 1 : 0);
  for (const model of models) {
    let warmest = Number.POSITIVE_INFINITY;
    for (let i = 0; i < warmup; i++) warmest = Math.min(warmest, await timeRuns(model, inputs, 1));
    repeats.push(Math.max(1, Math.ceil(options.minMs / warmest)));
  }
  const times: number[][] = models.map(() => []);
  for (let round = 0; round < options.rounds; round++)
    for (const [i, model] of models.entries()) times[i]!.push(await timeRuns(model, inputs, repeats[i]!));
  return times;
}

/** Mean milliseconds of one run. */
async function timeRuns(
  { label, session }: LoadedModel,
  feeds: InferenceSession.FeedsType,
  runs: number,
): Promise<number> {
  return runtimeCall(label, async () => {
    const start = performance.now();
    for (let i = 0; i < runs; i++) await session.run(feeds);
    return (performance.now() - start) / runs;
  });
}
