/** Validates HTML documents by the standard: `node html.mjs FILE…`; prints what is wrong and ends with 1 if anything is. */
import { readFileSync } from "node:fs";
import { HtmlValidate } from "html-validate";

// A document out of comments has headings and links as their authors wrote them; what is checked is that it is HTML.
const validator = new HtmlValidate({ root: true, extends: ["html-validate:standard"], rules: { "long-title": "off" } });
let wrong = 0;
for (const file of process.argv.slice(2)) {
  const text = readFileSync(file, "utf8");
  const fragment = !text.startsWith("<!DOCTYPE html>");
  const report = await validator.validateString(fragment ? `<!DOCTYPE html>\n<html lang="en"><head><title>x</title></head><body>${text}</body></html>` : text, file);
  for (const { messages } of report.results) {
    for (const { line, column, ruleId, message } of messages) {
      wrong++;
      console.log(`${file}:${line}:${column}: ${ruleId}: ${message}`);
    }
  }
}
process.exit(wrong ? 1 : 0);
