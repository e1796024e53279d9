// SPDX-License-Identifier: GPL-2.0-or-later
// validate.js MODULES SCHEMAS < CORPUS: judges documents with ajv. MODULES is the folder that holds
// node_modules, SCHEMAS the one with *.schema.json. CORPUS is a JSON list of [kind, document]; the answer is
// a list with null for each document that its schema accepts, else the first error in words.
"use strict";
const fs = require("fs");
const path = require("path");

const [modules, schemas] = process.argv.slice(2);
const from = name => require(require.resolve(name, { paths: [modules] }));
const Ajv = from("ajv/dist/2020").default;
const formats = from("ajv-formats").default;

// Strict: a keyword that the validator does not know would check nothing.
const ajv = new Ajv({ strictSchema: true, strictTypes: false, strictRequired: false, allowUnionTypes: true });
formats(ajv);
const judges = {};
for (const kind of ["site", "assets", "profiles", "rules"])
	judges[kind] = ajv.compile(JSON.parse(fs.readFileSync(path.join(schemas, `${kind}.schema.json`), "utf8")));

const corpus = JSON.parse(fs.readFileSync(0, "utf8"));
process.stdout.write(JSON.stringify(corpus.map(([kind, document]) => {
	if (judges[kind](document))
		return null;
	const error = judges[kind].errors[0];
	return `${error.instancePath} ${error.message}`;
})));
