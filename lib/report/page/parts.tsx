import type { ComponentChildren } from "preact";
import { type Kind, kindOf } from "./precision.js";
import { printable, shortName } from "./text.js";

/** Browsers show longer tooltips badly. */
const MAX_TITLE = 300;

/** A name from a model: cut to fit, kept to its own direction of writing, whole in the tooltip. */
export function Name({ text, limit }: { text: string; limit?: number }) {
  const short = shortName(text, limit);
  return (
    <bdi class="name" title={short === text ? undefined : printable(text.slice(0, MAX_TITLE))}>
      {short || "(no name)"}
    </bdi>
  );
}

interface SectionProps {
  id: string;
  title: string;
  /** What to take from it, in one line. */
  takeaway: ComponentChildren;
  children?: ComponentChildren;
}

export function Section({ id, title, takeaway, children }: SectionProps) {
  return (
    <section id={id} aria-labelledby={`${id}-title`}>
      <h2 id={`${id}-title`}>{title}</h2>
      <p class="takeaway">{takeaway}</p>
      {children}
    </section>
  );
}

/** What was done to a layer, in colour, glyph and words. */
export function Treatment({ text }: { text: string }) {
  const kind = kindOf(text);
  return (
    <span class="treatment">
      <KindMark kind={kind} />
      {printable(text)}
    </span>
  );
}

export function KindMark({ kind }: { kind: Kind }) {
  return (
    <span class={`mark ${kind.className}`} aria-hidden="true">
      {kind.glyph}
    </span>
  );
}

/** The kinds that occur, as a legend. */
export function KindLegend({ texts }: { texts: Iterable<string> }) {
  const kinds = new Map([...texts].map((text) => [kindOf(text).label, kindOf(text)]));
  return (
    <ul class="legend">
      {[...kinds.values()].map((kind) => (
        <li key={kind.label}>
          <KindMark kind={kind} />
          {printable(kind.label)}
        </li>
      ))}
    </ul>
  );
}

/** One of several, as buttons that look like one switch. */
export function Choice<Value extends string>({
  legend,
  options,
  value,
  choose,
}: {
  legend: string;
  options: readonly (readonly [Value, string])[];
  value: Value;
  choose: (value: Value) => void;
}) {
  return (
    <fieldset class="choice">
      <legend class="unseen">{legend}</legend>
      {options.map(([option, label]) => (
        <label key={option}>
          <input type="radio" name={legend} checked={option === value} onChange={() => choose(option)} />
          <span>{label}</span>
        </label>
      ))}
    </fieldset>
  );
}
