/** Whose work a row of the results is. */
export type Kind =
  /** The library's call as users write it: no backend and no thread count named. */
  | "default"
  | "backend"
  | "naive"
  | "javascript"
  | "onnxruntime"
  /** A native loop that moves the same bytes and does nothing else. */
  | "limit"
  /** A native call that does nothing: what crossing into an addon costs at least. */
  | "empty call";

export interface Contender {
  kind: Kind;
  name: string;
  /** The backend's name, of the kind "backend". */
  backend?: string;
  threads: number;
  /** A promise is awaited before the next call. */
  run(): unknown;
}
