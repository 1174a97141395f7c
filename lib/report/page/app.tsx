import type { Report } from "../../optimize/report.js";
import { ByteMap } from "./byte-map.js";
import { Graph } from "./graph.js";
import { Histograms } from "./histograms.js";
import { Layers } from "./layers.js";
import { Measured } from "./measured.js";
import { Operators } from "./operators.js";
import { Ranges } from "./ranges.js";
import { Sparsity } from "./sparsity.js";
import { ThemeButton } from "./theme.js";
import { Trials } from "./trials.js";
import { Verdict } from "./verdict.js";

const SECTIONS = [
  ["verdict", "Verdict"],
  ["trials", "Trials"],
  ["bytes", "Bytes"],
  ["layers", "Layers"],
  ["operators", "Operators"],
  ["weights", "Weights"],
  ["ranges", "Ranges"],
  ["sparsity", "Zeros"],
  ["graph", "Graph"],
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
        <ByteMap report={report} />
        <Layers report={report} />
        <Operators report={report} />
        <Histograms report={report} />
        <Ranges report={report} />
        <Sparsity report={report} />
        <Graph report={report} />
        <Measured report={report} />
      </main>
    </>
  );
}
