import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { type Kind, kindOf } from "./precision.js";
import { beginning, printable, shortName } from "./text.js";

/** Browsers show longer tooltips badly. */
const MAX_TITLE = 300;
/** What is a word or two, unless somebody wrote the report by hand. */
const MAX_WORD = 30;

/** A name from a model: cut to fit, kept to its own direction of writing, whole in the tooltip. */
export function Name({ text, limit }: { text: string; limit?: number }) {
  const short = shortName(text, limit);
  return (
    <bdi class="name" title={short === text ? undefined : printable(text.slice(0, MAX_TITLE))}>
      {short || "(no name)"}
    </bdi>
  );
}

/** More of a text than this would push what follows off a phone. */
const MAX_PROSE = 240;

/** Words of any length: long ones are cut until they are asked for. A reason may hold names from a model. */
export function Prose({ text }: { text: string }) {
  const [whole, setWhole] = useState(false);
  if (text.length <= MAX_PROSE) return <>{printable(text)}</>;
  return (
    <>
      {whole ? printable(text) : beginning(text, MAX_PROSE)}{" "}
      <button type="button" class="link rest" aria-expanded={whole} onClick={() => setWhole(!whole)}>
        {whole ? "Show less" : "Show all"}
      </button>
    </>
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
      {shortName(text, MAX_WORD)}
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
          {shortName(kind.label, MAX_WORD)}
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
