/** Tells whether a name is meant by a pattern: * stands for any characters, ? for one. A name that something has stands for itself. */
export function nameMatcher(pattern: string, isName: boolean): (name: string) => boolean {
  if (isName || !/[*?]/.test(pattern)) return (name) => name === pattern;
  const escaped = pattern.replaceAll(/[.+^${}()|[\]\\]/g, "\\$&");
  const expression = new RegExp(`^${escaped.replaceAll("*", ".*").replaceAll("?", ".")}$`, "s");
  return (name) => expression.test(name);
}
