// SPDX-License-Identifier: GPL-2.0-or-later
// Node-RED with its EtherNet/IP nodes, headless: an endpoint that scans some tags, a node that tells their changes, and
// one that writes. Prints a line each: "status TEXT" of the endpoint, "tag NAME VALUE", "writes JSON".
//
//   SOAK_NPM=FOLDER SOAK_WORK=FOLDER enip.js HOST TAG,TAG,... [TAG=VALUE,...]...
//
// The first values are written once all tags have been read, the next ones each time the endpoint has connected anew.
// The nodes tell nothing of a write, neither that it was done nor that it was refused. Ends when it is told to.
"use strict";
const fs = require("fs");
const path = require("path");

const NPM = path.resolve(process.env.SOAK_NPM);
const [host, scanned, ...assigned] = process.argv.slice(2);
const tags = scanned.split(",");
const rounds = assigned.map((one) => Object.fromEntries(one.split(",").map((each) => each.split("="))));

const seen = new Set();
let online = false, connects = 0, written = 0;

// A message for each node that writes, or null.
function next() {
	if (seen.size < tags.length || !online || written >= Math.min(connects, rounds.length))
		return null;
	const round = rounds[written++];
	console.log("writes " + JSON.stringify(round));
	return tags.map((name) => name in round ? { payload: Number(round[name]) } : null);
}

function changed(msg) {
	console.log(`tag ${msg.topic} ${msg.payload}`);
	seen.add(msg.topic);
	return next();
}

function status(msg) {
	const now = msg.status.fill === "green";
	if (now !== online)
		console.log(`status ${now ? "online" : "offline"}`);
	if (now && !online)
		connects++;
	online = now;
	return next();
}

const call = (name) => `return global.get('enip').${name}(msg);`;
const outs = tags.map((name) => ({ id: `out ${name}`, type: "eth-ip out", z: "tab", endpoint: "plc", program: "",
	variable: name, wires: [] }));
const toOuts = outs.map((out) => [out.id]);
const flow = [
	{ id: "tab", type: "tab", label: "enip" },
	{ id: "plc", type: "eth-ip endpoint", address: host, slot: "0", cycletime: "100", name: "",
		vartable: { "": Object.fromEntries(tags.map((name) => [name, { type: "DINT" }])) } },
	{ id: "in", type: "eth-ip in", z: "tab", endpoint: "plc", mode: "all-split", program: "", variable: "",
		wires: [["changed"]] },
	{ id: "changed", type: "function", z: "tab", outputs: tags.length, func: call("changed"), wires: toOuts },
	{ id: "states", type: "status", z: "tab", scope: ["in"], wires: [["status"]] },
	{ id: "status", type: "function", z: "tab", outputs: tags.length, func: call("status"), wires: toOuts },
	...outs,
];

const settings = { uiHost: "127.0.0.1", uiPort: 1881, disableEditor: true, credentialSecret: false,
	telemetry: { enabled: false, updateNotification: false }, functionGlobalContext: { enip: { changed, status } },
	logging: { console: { level: "warn", metrics: false, audit: false } } };

const folder = fs.mkdtempSync(path.join(process.env.SOAK_WORK, "node-red-"));
fs.symlinkSync(path.join(NPM, "node_modules"), path.join(folder, "node_modules"));
fs.copyFileSync(path.join(NPM, "package.json"), path.join(folder, "package.json"));
fs.writeFileSync(path.join(folder, "flow.json"), JSON.stringify(flow));
// The settings of the next file are these: it runs in this process.
global.enipSettings = settings;
const file = path.join(folder, "settings.js");
fs.writeFileSync(file, "module.exports = global.enipSettings;\n");
process.argv = [process.argv[0], "node-red", "-s", file, "-u", folder, path.join(folder, "flow.json")];
require(path.join(NPM, "node_modules", "node-red", "red.js"));
