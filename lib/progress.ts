/** A step of long work. */
export interface Progress {
  /** What is being done, in a word or two. */
  stage: string;
  done: number;
  /** Absent where it cannot be known. */
  total?: number;
}

export type OnProgress = (progress: Progress) => void;
