import type { Report } from "../../optimize/report.js";
import { Layers } from "./layers.js";
import { Measured } from "./measured.js";
import { Operators } from "./operators.js";
import { ThemeButton } from "./theme.js";
import { Trials } from "./trials.js";
import { Verdict } from "./verdict.js";

const SECTIONS = [
  ["verdict", "Verdict"],
  ["trials", "Trials"],
  ["layers", "Layers"],
  ["operators", "Operators"],
  ["measured", "Measured"],
] as const;

export function App({ report }: { report: Report }) {
  return (
    <>
      <a class="skip" href="#main">
        To the report
      </a>
      <div class="top">
        <span class="brand">modelpress</span>
        <nav aria-label="Parts of the report">
          {SECTIONS.map(([id, title]) => (
            <a key={id} href={`#${id}`}>
              {title}
            </a>
          ))}
        </nav>
        <ThemeButton />
      </div>
      <main id="main" tabIndex={-1}>
        <Verdict report={report} />
        <Trials report={report} />
        <Layers report={report} />
        <Operators report={report} />
        <Measured report={report} />
      </main>
    </>
  );
}
