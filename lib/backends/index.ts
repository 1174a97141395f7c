import type { Backend } from "../backend.js";
import { ModelOperationError } from "../errors.js";
import { type LoadedCuda, loadCuda, type OpenedCuda } from "./cuda.js";
import { js } from "./js.js";
import { loadNative, type NativeBackends, type NativeCpu, type NativeMemory } from "./native.js";

const VARIABLE = "MODELPRESS_BACKEND";

const HELP =
  "Prebuilt are linux-x64 and linux-arm64 (glibc 2.28 or musl), win32-x64, darwin-arm64 and darwin-x64. If this is one of them, install modelpress again, so that prebuilds/ is whole; else build the addon from its sources (README, Install). MODELPRESS_BACKEND=js asks for the JavaScript backend, without this warning.";

interface Available extends NativeBackends {
  /** What the processor runs, best first, js last. */
  readonly all: readonly Backend[];
  /** The one that every call uses which names none. */
  readonly forced?: Backend;
}

let available: Available | undefined;
let cuda: LoadedCuda | undefined;
let listed: readonly Backend[] | undefined;

function load(): Available {
  if (available) return available;
  const native = loadNative();
  available = { ...native, all: [...native.backends, js] };
  const name = process.env[VARIABLE];
  if (name) {
    try {
      available = { ...available, forced: find(name, VARIABLE) };
    } catch (error) {
      available = undefined;
      throw error;
    }
  } else if (native.loadError) warn(native.loadError);
  return available;
}

/** The loader's own words, without where it looked. */
function warn({ message }: Error): void {
  process.emitWarning(
    `No native addon of modelpress loads here (${message.split("\n", 1)[0]}): the JavaScript backend works in its place, with the same results but slower`,
    { type: "ModelpressWarning", code: "MODELPRESS_NO_ADDON", detail: HELP },
  );
}

/** Looked for when it is asked for: starting the driver takes longer than most calls. */
function cudaBackend(): LoadedCuda {
  const { all, cuda: native } = load();
  cuda ??= loadCuda(native, all[0]!);
  return cuda;
}

/** The device itself. Throws ModelOperationError where there is none. */
export function openedCuda(): OpenedCuda {
  const { opened, reason } = cudaBackend();
  if (opened) return opened;
  throw new ModelOperationError("DEVICE_MISSING", `There is no CUDA device to use: ${reason}`);
}

function listAll(): readonly Backend[] {
  const { all } = load();
  const { backend } = cudaBackend();
  return backend ? [...all.slice(0, -1), backend, js] : all;
}

function find(name: string, source: string): Backend {
  const { all, loadError } = load();
  const found =
    all.find((backend) => backend.name === name) ?? listAll().find((backend) => backend.name === name);
  if (found) return found;
  const names = listAll().map((backend) => backend.name);
  const { reason: cudaReason } = cudaBackend();
  const reasons = [
    loadError ? `; the native addon did not load: ${loadError.message}` : "",
    name === "cuda" && cudaReason ? `; ${cudaReason}` : "",
  ];
  throw new RangeError(
    `Expected one of ${names.join(", ")} for ${source} but received ${JSON.stringify(name)}${reasons.join("")}`,
    { cause: loadError },
  );
}

/**
 * The implementations that this machine can run, best first; plain JavaScript ("js") is always the last. All give the same bits.
 *
 * The first one is used unless a call names another. "cuda", where there is a device and the package modelpress-cuda, stands next to
 * last: for arrays in main memory the way to the device and back takes longer than a processor takes for the work.
 *
 * With the environment variable MODELPRESS_BACKEND set to a name, the list holds that one alone, and every call that names no
 * backend uses it. It is read once, at the first use.
 *
 * Where the native addon does not load, a warning (MODELPRESS_NO_ADDON) is emitted once, and unavailableBackends() says why.
 *
 * @throws RangeError if MODELPRESS_BACKEND names a backend that is not available here; the message lists those that are.
 */
export function backends(): readonly Backend[] {
  const { forced } = load();
  listed ??= Object.freeze(forced ? [forced] : listAll());
  return listed;
}

/** A backend that this machine cannot run. */
export interface UnavailableBackend {
  /** "cuda", or "native" for all that the addon has. */
  readonly name: string;
  readonly reason: string;
}

/**
 * What is missing in backends(), and why: "cuda" without the package modelpress-cuda, a driver that is new enough and a device,
 * "native" where the addon does not load.
 *
 * @throws RangeError as backends() does.
 */
export function unavailableBackends(): readonly UnavailableBackend[] {
  const { loadError } = load();
  const { reason } = cudaBackend();
  const missing = [];
  if (loadError) missing.push({ name: "native", reason: loadError.message });
  if (reason !== undefined) missing.push({ name: "cuda", reason });
  return missing;
}

/** The backends of calls that name none. */
interface Defaults {
  readonly best: Backend;
  /** For calls so small that the way into the addon takes longer than the work. */
  readonly small: Backend;
}

let defaults: Defaults | undefined;

function findDefaults(): Defaults {
  const { all, forced } = load();
  return { best: forced ?? all[0]!, small: forced ?? js };
}

/** The backend for a call's `backend` option: a name, a backend itself, or nothing for the one that is best for such a call. */
export function resolveBackend(option: string | Backend | undefined, isSmall = false): Backend {
  if (option === undefined) {
    defaults ??= findDefaults();
    return isSmall ? defaults.small : defaults.best;
  }
  return typeof option === "object" ? option : find(option, "backend");
}

/** What the addon does with memory; undefined without one. */
export function nativeMemory(): NativeMemory | undefined {
  return load().memory;
}

/** What the addon knows of the processor; undefined without one. */
export function nativeCpu(): NativeCpu | undefined {
  return load().cpu;
}
