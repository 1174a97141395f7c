import { render } from "preact";
import type { Report } from "../../optimize/report.js";
import { App } from "./app.js";
import "./page.css";

const report = JSON.parse(document.getElementById("report")!.textContent!) as Report;
render(<App report={report} />, document.getElementById("page")!);
