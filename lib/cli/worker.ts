import { runWorker } from "../optimize/queue.js";
import { label } from "./table.js";
import { addExamples, type SharedOptions, type Verb } from "./verb.js";

interface WorkerOptions extends SharedOptions {
  queue: string;
}

export const worker: Verb<WorkerOptions> = {
  configure(command) {
    command.requiredOption("--queue <url>", "the Redis server that searches were given");
    addExamples(command, "worker --queue redis://localhost:6379");
  },

  async run(_, { queue, quiet, json }, { signal, onProgress, line }) {
    let done = 0;
    await runWorker({
      queue,
      signal,
      onProgress,
      onTrial(name, outcome) {
        if (outcome === "done") done++;
        if (!quiet && !json) line.say(`${label(name)}: ${outcome}`);
      },
    });
    return { json: { trials: done }, text: `${done} trials` };
  },
};
