import { describeValue, type ValueInfo } from "../data/value-info.js";
import { ModelOperationError } from "../errors.js";
import type { Session } from "./session.js";

/** The inputs that both models take: a size that either one fixes is fixed. Throws UNSUPPORTED_MODEL where there are none. */
export function commonInputs(reference: Session, candidate: Session): ValueInfo[] {
  if (reference.inputs.length !== candidate.inputs.length) return unlike(reference, candidate);
  return reference.inputs.map((input) => {
    const other = candidate.inputs.find(({ name }) => name === input.name);
    if (other?.dtype !== input.dtype || other.shape.length !== input.shape.length)
      return unlike(reference, candidate);
    const shape = input.shape.map((size, i) => {
      const otherSize = other.shape[i]!;
      if (typeof size === "string") return otherSize;
      return typeof otherSize === "string" || otherSize === size ? size : unlike(reference, candidate);
    });
    return { name: input.name, dtype: input.dtype, shape };
  });
}

function unlike(reference: Session, candidate: Session): never {
  const list = ({ label, inputs }: Session) => `${label}: ${inputs.map(describeValue).join("; ")}`;
  throw new ModelOperationError(
    "UNSUPPORTED_MODEL",
    `The models take different inputs (${list(reference)}) (${list(candidate)})`,
  );
}

/** Which output of the candidate goes with each of the reference's: the one of its name, or else of its place. */
export function pairOutputs(reference: Session, candidate: Session): { name: string; other: string }[] {
  const names = candidate.outputs.map(({ name }) => name);
  const alike = reference.outputs.length === names.length;
  return reference.outputs.map(({ name }, i) => {
    const other = names.includes(name) ? name : alike ? names[i] : undefined;
    if (other === undefined)
      throw new ModelOperationError(
        "UNSUPPORTED_MODEL",
        `${candidate.label} lacks output ${name} of ${reference.label}; it has ${names.join(", ")}`,
      );
    return { name, other };
  });
}
