import { basename } from "node:path";
import { replaceFile } from "../files/replace-file.js";
import { readReport } from "../optimize/read-report.js";
import { renderReport } from "../report/render-report.js";
import { bytes } from "./format.js";
import { label } from "./table.js";
import { addExamples, type SharedOptions, UsageError, type Verb } from "./verb.js";

interface ReportOptions extends SharedOptions {
  output?: string;
}

export const report: Verb<ReportOptions> = {
  configure(command) {
    command
      .argument("<report>", "the report.json that optimize wrote")
      .option("-o, --output <page>", "the page to write (default: the report's name with .html)");
    command.addHelpText(
      "after",
      "\nThe page is one file: it can be opened from the disk, mailed or served, and loads nothing from anywhere.",
    );
    addExamples(command, "report out/report.json", "report out/report.json -o site/model.html");
  },

  async run([file], options, { signal }) {
    const path = file!;
    const output = options.output ?? `${path.replace(/\.json$/i, "")}.html`;
    if (output === path) throw new UsageError(`-o: ${output} is the report itself`);
    const content = readReport(path);
    const page = Buffer.from(renderReport(content));
    await replaceFile(output, (sink) => sink.write(page), { signal });
    return {
      json: { report: path, output, bytes: page.byteLength, good: content.verdict.good },
      text: `${label(basename(output))}: ${bytes(page.byteLength)}, ${content.trials.length} trials of ${label(content.model.name)}`,
    };
  },
};
