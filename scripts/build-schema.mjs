// Writes dist/report.schema.json: what report.json must hold, as JSON Schema, described by the comments of lib/optimize/report.ts.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import ts from "typescript";
import { z } from "zod/mini";

const root = fileURLToPath(new URL("..", import.meta.url));
const source = join(root, "lib/optimize/report.ts");
const { reportSchema } = await import(pathToFileURL(join(root, "build/lib/optimize/report.js")).href);

/** @typedef {{ description?: string, properties?: Record<string, Schema>, items?: Schema }} Schema */

const file = ts.createSourceFile(source, readFileSync(source, "utf8"), ts.ScriptTarget.Latest, true);
/** What the names of the source stand for. @type {Map<string, ts.VariableDeclaration>} */
const declarations = new Map();
file.forEachChild(function visit(node) {
  if (ts.isVariableDeclaration(node)) declarations.set(node.name.getText(), node);
  else ts.forEachChild(node, visit);
});

/** @param {ts.Node} node */
function comment(node) {
  const texts = ts.getJSDocCommentsAndTags(node).map((doc) => ts.getTextOfJSDocComment(doc.comment));
  return texts.join(" ").replaceAll(/\s+/g, " ");
}

/** Adds to a schema what the comments beside the expression that made it say. @param {ts.Node} made @param {Schema} schema */
function describe(made, schema) {
  if (ts.isIdentifier(made)) {
    const declaration = declarations.get(made.text);
    if (!declaration?.initializer) return;
    const text = comment(declaration.parent.parent);
    if (text) schema.description = [schema.description, text].filter(Boolean).join(" ");
    describe(declaration.initializer, schema);
  } else if (ts.isObjectLiteralExpression(made)) {
    for (const property of made.properties) {
      const field = schema.properties?.[property.name?.getText() ?? ""];
      if (!field || !ts.isPropertyAssignment(property)) continue;
      const text = comment(property);
      if (text) field.description = text;
      describe(property.initializer, field);
    }
  } else if (ts.isCallExpression(made)) {
    for (const argument of made.arguments) describe(argument, schema.items ?? schema);
  }
}

// As input: fields that a later modelpress adds are no fault.
const schema = z.toJSONSchema(reportSchema, { io: "input" });
const declaration = declarations.get("reportSchema");
if (!declaration?.initializer) throw new Error(`${source} has no reportSchema`);
describe(declaration.initializer, /** @type {Schema} */ (schema));
const titled = { ...schema, title: "report.json of modelpress optimize" };
writeFileSync(join(root, "dist/report.schema.json"), `${JSON.stringify(titled, null, 1)}\n`);
