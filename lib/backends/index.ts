import type { Backend } from "../backend.js";
import { js } from "./js.js";
import { loadNative, type NativeBackends, type NativeCpu, type NativeMemory } from "./native.js";

const VARIABLE = "MODELPRESS_BACKEND";

interface Available extends NativeBackends {
  /** Everything that runs here, best first, js last. */
  readonly all: readonly Backend[];
  /** What is used unless a call names a backend. */
  readonly defaults: readonly Backend[];
}

let available: Available | undefined;

function load(): Available {
  if (available) return available;
  const native = loadNative();
  const all = Object.freeze([...native.backends, js]);
  const forced = process.env[VARIABLE];
  const defaults = forced ? Object.freeze([find({ ...native, all }, forced, VARIABLE)]) : all;
  available = { ...native, all, defaults };
  return available;
}

function find({ all, loadError }: Omit<Available, "defaults">, name: string, source: string): Backend {
  const found = all.find((backend) => backend.name === name);
  if (found) return found;
  const names = all.map((backend) => backend.name).join(", ");
  const reason = loadError ? `; the native addon did not load: ${loadError.message}` : "";
  throw new RangeError(
    `Expected one of ${names} for ${source} but received ${JSON.stringify(name)}${reason}`,
    {
      cause: loadError,
    },
  );
}

/**
 * The implementations that this machine can run, best first; plain JavaScript ("js") is always the last. All give the same bits.
 *
 * With the environment variable MODELPRESS_BACKEND set to a name, the list holds that one alone, and every call that names no
 * backend uses it. It is read once, at the first use.
 *
 * @throws RangeError if MODELPRESS_BACKEND names a backend that is not available here; the message lists those that are.
 */
export function backends(): readonly Backend[] {
  return load().defaults;
}

/** Up to here the way into the addon takes longer than the work itself in JavaScript (measured: 40 to 70 elements). */
const JS_PAYS = 32;

/**
 * The backend for a call's `backend` option: a name, a backend itself, or nothing for the one that is best for a call on so many
 * elements.
 */
export function resolveBackend(option: string | Backend | undefined, elements = Infinity): Backend {
  if (typeof option === "object") return option;
  const loaded = load();
  if (option !== undefined) return find(loaded, option, "backend");
  return loaded.defaults.at(elements <= JS_PAYS ? -1 : 0)!;
}

/** What the addon does with memory; undefined without one. */
export function nativeMemory(): NativeMemory | undefined {
  return load().memory;
}

/** What the addon knows of the processor; undefined without one. */
export function nativeCpu(): NativeCpu | undefined {
  return load().cpu;
}
