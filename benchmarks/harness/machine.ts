import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism, cpus, loadavg, totalmem } from "node:os";
import { join } from "node:path";

export interface Machine {
  cpu: string;
  cores: number;
  /** Of the first core, such as { "L1 data": "32K" }; empty where the system does not say. */
  caches: Readonly<Record<string, string>>;
  memoryGigabytes: number;
  platform: string;
}

export function describeMachine(): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cores: availableParallelism(),
    caches: caches("/sys/devices/system/cpu/cpu0/cache"),
    memoryGigabytes: Math.round(totalmem() / 1e9),
    platform: `${process.platform}-${process.arch}`,
  };
}

/** What measurements begin with: the machine, and whether it has other work. */
export function introduction(machine: Machine): string {
  const caches = Object.entries(machine.caches).map(([level, size]) => `${level} ${size}`);
  const line = `${[machine.cpu, `${machine.cores} cores`, ...caches].join(", ")}, Node ${process.version}`;
  const load = loadavg()[0]!;
  return load > machine.cores
    ? `${line}\nThe machine is busy (load ${load.toFixed(1)}): only ratios mean anything.`
    : line;
}

/** Linux lists the caches of a core in a folder each. */
function caches(folder: string): Record<string, string> {
  let names: string[];
  try {
    names = readdirSync(folder).filter((name) => /^index\d+$/.test(name));
  } catch {
    return {}; // another system
  }
  const read = (name: string, file: string) => readFileSync(join(folder, name, file), "utf8").trim();
  return Object.fromEntries(
    names.map((name) => {
      const type = read(name, "type");
      return [
        `L${read(name, "level")}${type === "Unified" ? "" : ` ${type.toLowerCase()}`}`,
        read(name, "size"),
      ];
    }),
  );
}

/** Versions of what was measured; onnxruntime-node is absent where it is not installed. */
export function versions(): Record<string, string> {
  const require = createRequire(import.meta.url);
  const found: Record<string, string> = {
    modelpress: require("modelpress/package.json").version,
    node: process.versions.node,
    v8: process.versions.v8,
  };
  try {
    found["onnxruntime-node"] = require("onnxruntime-node/package.json").version;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "MODULE_NOT_FOUND") throw error;
  }
  return found;
}
