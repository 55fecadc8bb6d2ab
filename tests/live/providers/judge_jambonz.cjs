// Judges the documents under tests/data/jambonz by jambonz' own published schema.
//
//     npm install @jambonz/schema
//     NODE_PATH=node_modules node tests/live/providers/judge_jambonz.cjs
//
// Exits with 1 and names the file where the schema does not take it.
const fs = require("fs");
const path = require("path");
const { validateApp } = require("@jambonz/schema");

const folder = path.resolve(__dirname, "../../data/jambonz");
let judged = 0;
for (const name of fs.readdirSync(folder).filter((name) => name.endsWith(".doc"))) {
  const text = fs.readFileSync(path.join(folder, name), "utf8");
  const [head, ...rest] = text.split("\n\n");
  if (head.startsWith("204")) continue; // nothing to do needs no document
  const result = validateApp(JSON.parse(rest.join("\n\n")));
  const good = result === true || result?.valid === true;
  if (!good) {
    console.log(`${name}: ${text}\n  ${JSON.stringify(result)}`);
    process.exit(1);
  }
  judged += 1;
}
console.log(`${judged} documents are as the schema has them`);
process.exit(judged > 0 ? 0 : 1);
