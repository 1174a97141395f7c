import { ModelFormatError, ModelOperationError } from "../errors.js";

/** The class of a row that holds NaN: it agrees with nothing. */
const NO_CLASS = -1;

export interface Accuracy {
  /** Share of samples put in the class of their label. */
  reference: number;
  candidate: number;
  /** candidate - reference: negative where accuracy was lost. */
  difference: number;
  correct: { reference: number; candidate: number };
}

/** Counts, batch by batch, how often two models choose the same class and how often the right one. */
export class ClassTally {
  private rows = 0;
  private agreeing = 0;
  private labelled = 0;
  private readonly correct = { reference: 0, candidate: 0 };
  private seen = 0;

  /** Rows lie in the last axis of the output `name`: one per sample, or several, as for the tokens of a text. */
  constructor(private readonly name: string) {}

  add(
    reference: ArrayLike<number>,
    candidate: ArrayLike<number>,
    rows: number,
    classes: number,
    count: number,
    labels: readonly number[] | undefined,
  ): void {
    const chosenByReference = chooseClasses(reference, rows, classes);
    const chosenByCandidate = chooseClasses(candidate, rows, classes);
    this.rows += rows;
    for (let row = 0; row < rows; row++) {
      const chosen = chosenByReference[row];
      if (chosen !== NO_CLASS && chosen === chosenByCandidate[row]) this.agreeing++;
    }
    if (labels !== undefined) {
      this.checkLabels(labels, rows, classes, count);
      labels.forEach((label, row) => {
        if (chosenByReference[row] === label) this.correct.reference++;
        if (chosenByCandidate[row] === label) this.correct.candidate++;
      });
      this.labelled += count;
    }
    this.seen += count;
  }

  /** Share of rows for which both models choose the same class. */
  agreement(): number {
    return this.agreeing / this.rows;
  }

  /** Undefined without labels. */
  accuracy(): Accuracy | undefined {
    if (this.labelled === 0) return undefined;
    const { reference, candidate } = this.correct;
    return {
      reference: reference / this.labelled,
      candidate: candidate / this.labelled,
      difference: (candidate - reference) / this.labelled,
      correct: { reference, candidate },
    };
  }

  private checkLabels(labels: readonly number[], rows: number, classes: number, count: number): void {
    if (rows !== count)
      throw new ModelOperationError(
        "UNSUPPORTED_MODEL",
        `accuracy needs one choice per sample, but output ${this.name} has ${rows} rows for ${count} samples; leave the labels out`,
      );
    const wrong = labels.findIndex((label) => label >= Math.max(2, classes));
    if (wrong >= 0)
      throw new ModelFormatError(
        "DATA_MISMATCH",
        `label ${labels[wrong]} of sample ${this.seen + wrong} is outside the ${classes} classes of output ${this.name}`,
      );
  }
}

/** The first largest value of each row; a row of one value is a probability, class 1 above a half. */
function chooseClasses(values: ArrayLike<number>, rows: number, classes: number): Int32Array {
  const chosen = new Int32Array(rows);
  for (let row = 0; row < rows; row++) {
    const start = row * classes;
    if (classes === 1) {
      const value = values[start]!;
      chosen[row] = Number.isNaN(value) ? NO_CLASS : Number(value > 0.5);
      continue;
    }
    let best = 0;
    for (let i = 0; i < classes; i++) {
      const value = values[start + i]!;
      if (Number.isNaN(value)) {
        best = NO_CLASS;
        break;
      }
      if (value > values[start + best]!) best = i;
    }
    chosen[row] = best;
  }
  return chosen;
}
