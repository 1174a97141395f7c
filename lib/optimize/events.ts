import type { Goal } from "./gate.js";
import type { Report, ReportTrial } from "./report.js";

/**
 * What a search tells of itself, as plain data. start comes first; then each trial has a begin and a trial, and a front where it
 * changed what no other trial beats; then end, and gate where a candidate was chosen and is about to be judged: a second time
 * where another is judged after the first has failed.
 */
export type OptimizeEvent =
  | {
      event: "start";
      /** The file's name. */
      model: string;
      goal: Goal;
      /** The metric that decides. */
      metric: string;
      maxDrop: number;
      budgetSeconds: number;
      /** Samples for each use. */
      parts: Report["data"]["parts"];
    }
  | {
      event: "begin";
      /** The candidate; several with commas between where workers try them at once. */
      label: string;
      /** Its number, from 1. */
      number: number;
      /** Candidates that are sure to be tried after it while the budget lasts; others may follow from what they give. */
      after: number;
      secondsLeft: {
        /** For this one, those after it and the verdict, by the trials before; absent while there are none. */
        expected?: number;
        /** Until the budget ends. */
        most: number;
      };
    }
  | { event: "trial"; trial: ReportTrial }
  | {
      event: "front";
      /** Ids of the trials that no other beats in accuracy, latency and size at once. */
      trials: string[];
    }
  | {
      event: "end";
      /** Why no more is tried. */
      ended: string;
      spentSeconds: number;
    }
  | {
      event: "gate";
      /** The candidate that was chosen: its id and its name. */
      trial: string;
      label: string;
      /** How many samples judge it, which no choice saw. */
      samples: number;
    };
