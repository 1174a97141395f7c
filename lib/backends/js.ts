import type { Backend } from "../backend.js";
import * as cast from "./js/cast.js";
import * as gguf from "./js/gguf.js";
import * as histogram from "./js/histogram.js";
import * as minmax from "./js/minmax.js";
import * as quantize from "./js/quantize.js";

/** The backend that is always there. */
export const js: Backend = { name: "js", ...cast, ...gguf, ...histogram, ...minmax, ...quantize };
