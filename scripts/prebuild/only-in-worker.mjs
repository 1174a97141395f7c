// Loads the addon in a worker alone, so that Node lets go of it when the worker ends: the process must end well after that.
import { Worker } from "node:worker_threads";

const source = `import("modelpress").then(({ backends }) => require("node:worker_threads").parentPort.postMessage(backends().length))`;
const worker = new Worker(source, { eval: true });
const exited = new Promise((resolve) => worker.once("exit", resolve));
const count = await new Promise((resolve) => worker.once("message", resolve));
await exited;
if (count < 2) throw new Error("The worker had no native backend");
