/** Values by name, as callers give them. */
export type NamedValues<T> = ReadonlyMap<string, T> | Readonly<Record<string, T>>;

/** Names and values, also of a map of another class, as the tensors of a file are. */
export function entriesOf<T>(values: NamedValues<T>): Iterable<[string, T]> {
  return Symbol.iterator in values ? (values as ReadonlyMap<string, T>) : Object.entries(values);
}
