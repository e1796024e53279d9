// SPDX-License-Identifier: GPL-2.0-or-later
// The Node-RED client of the soak: starts Node-RED without its editor on a flow made here: a loop of
// function node -> Modbus Flex Getter or Flex Write -> function node, and beside it a Modbus Read node that polls;
// its first answer starts the loop, since the other nodes drop what comes before they are connected.
// Node-RED chooses its source address itself. The arguments are those of client.js.
"use strict";
const fs = require("fs");
const os = require("os");
const path = require("path");
const { ANSWER_MS, parse } = require("../client.js");

const [host, port] = process.argv.slice(2);
const end = parse(process.argv.slice(2)).end;

const FIRST = 20, COUNT = 10; // what the polling node reads

const tab = { id: "tab", type: "tab", label: "soak" };
const device = { id: "device", type: "modbus-client", name: "gate", clienttype: "tcp", bufferCommands: true,
	tcpHost: host, tcpPort: port, tcpType: "DEFAULT", unit_id: "1", commandDelay: "1",
	clientTimeout: String(ANSWER_MS),
	reconnectOnTimeout: true, reconnectTimeout: "2000", parallelUnitIdsAllowed: true, failureLogEnabled: true,
	showErrors: true, showWarnings: true, showLogs: false };
const modbus = { z: "tab", server: "device", showErrors: false, showWarnings: true, emptyMsgOnFail: true,
	keepMsgProperties: true, delayOnStart: false };
const flow = [tab, device,
	{ id: "ask", type: "function", z: "tab", outputs: 2, func: "global.get('soak').ask(node);",
		wires: [["getter"], ["writer"]] },
	{ ...modbus, id: "getter", type: "modbus-flex-getter", wires: [["check"], []] },
	{ ...modbus, id: "writer", type: "modbus-flex-write", wires: [["check"], []] },
	{ id: "check", type: "function", z: "tab", outputs: 1,
		func: "return global.get('soak').check(msg) ? msg : null;", wires: [["ask"]] },
	{ ...modbus, id: "poller", type: "modbus-read", unitid: "1", dataType: "HoldingRegister", adr: String(FIRST),
		quantity: String(COUNT), rate: "200", rateUnit: "ms", wires: [["polled"], []] },
	{ id: "polled", type: "function", z: "tab", outputs: 1,
		func: `return global.get('soak').polled(msg, ${FIRST}, ${COUNT}) ? msg : null;`, wires: [["ask"]] },
];

const folder = fs.mkdtempSync(path.join(process.env.SOAK_WORK || os.tmpdir(), "node-red-"));
fs.symlinkSync(path.join(process.env.SOAK_NPM, "node_modules"), path.join(folder, "node_modules"));
fs.copyFileSync(path.join(process.env.SOAK_NPM, "package.json"), path.join(folder, "package.json"));
fs.writeFileSync(path.join(folder, "flow.json"), JSON.stringify(flow));
process.env.SOAK_ARGUMENTS = JSON.stringify(process.argv.slice(2));
// Whatever became of the loop, there is a report.
setTimeout(() => require("./loop.js").finish(), end - Date.now() + ANSWER_MS + 2000);
process.argv = [process.argv[0], "node-red", "-s", path.join(__dirname, "settings.js"), "-u", folder,
	path.join(folder, "flow.json")];
require(path.join(process.env.SOAK_NPM, "node_modules", "node-red", "red.js"));
