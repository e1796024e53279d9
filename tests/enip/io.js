// SPDX-License-Identifier: GPL-2.0-or-later
// The class 1 originator of st-ethernet-ip, which is not ours: sends outputs to a device's assembly 150 and prints
// what comes of it, a line at once: "connected", "disconnected", "echo N" when the device's inputs (assembly 100) show
// outputs of N throughout (N from 1 on, the next when the last has come back), "packets 100, 200, ...".
//
//   ENIP_NPM=FOLDER io.js HOST OWN_ADDRESS INTERVAL_MS
"use strict";
const path = require("path");
const { createRequire } = require("module");
const packages = createRequire(path.resolve(process.env.ENIP_NPM, "node_modules", "x.js"));

const print = (text) => process.stdout.write(text + "\n");
console.log = () => {}; // the library talks there

const [host, own, interval] = process.argv.slice(2);
const scanner = new (packages("st-ethernet-ip").IO.Scanner)(2222, own);
const connection = scanner.addConnection({
	configInstance: { assembly: 151, size: 0 },
	outputInstance: { assembly: 150, size: 32 },
	inputInstance: { assembly: 100, size: 32 },
}, Number(interval), host);

let sent = 1;
let packets = 0;

connection.outputData = Buffer.alloc(32, sent);
connection.on("connected", () => print("connected"));
connection.on("disconnected", () => print("disconnected"));
scanner.socket.on("message", () => {
	if (++packets % 100 === 0)
		print(`packets ${packets}`);
	if (!connection.inputData.slice(4).equals(Buffer.alloc(28, sent)))
		return;
	print(`echo ${sent}`);
	sent = sent % 255 + 1;
	connection.outputData = Buffer.alloc(32, sent);
});
process.on("unhandledRejection", () => {}); // a refused Forward Open
