// SPDX-License-Identifier: GPL-2.0-or-later
// What the Node clients of the soak share; the same contract as client.py.
"use strict";
const fs = require("fs");
const path = require("path");
const { createRequire } = require("module");

const ANSWER_MS = 10000;
const COMPLAINTS = 8;

// Packages are in the build folder, not beside these scripts.
const packages = createRequire(path.join(process.env.SOAK_NPM, "node_modules", "x.js"));
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

// What `ask` of a client throws: {code} for an exception, {timeout: true}, or {lost: "why"}.
class Tally {
	constructor() {
		this.counts = { requests: 0, allowed: 0, exceptions: 0, timeouts: 0, reconnects: 0, hangs: 0,
			unconnected: 0, wrong: 0 };
		this.slowest = 0;
		this.complaints = [];
	}

	add(name, complaint) {
		this.counts[name]++;
		if (complaint && this.complaints.length < COMPLAINTS)
			this.complaints.push(complaint);
	}

	judge(step, values, code) {
		this.add(code ? "exceptions" : "allowed");
		const same = !step.expect || JSON.stringify(values) === JSON.stringify(step.expect);
		if (code !== step.exception || (!code && !same))
			this.add("wrong", `${JSON.stringify(step)} was answered by ` +
				(code ? `exception ${code}` : JSON.stringify(values)));
	}

	// Takes what a request threw. Returns false when the connection has to be made again.
	failed(step, error) {
		if (error.code !== undefined) {
			this.judge(step, undefined, error.code);
			return true;
		}
		if (error.timeout) {
			this.add("timeouts");
			this.add("hangs", `no answer to ${JSON.stringify(step)}`);
		} else {
			this.add("reconnects", `lost at ${JSON.stringify(step)}: ${error.lost}`);
		}
		return false;
	}

	report() {
		console.log("report " + JSON.stringify({ ...this.counts, slowest_ms: this.slowest,
			complaints: this.complaints }));
	}
}

function parse(argv) {
	const [host, port, source, end, plan, pause] = argv;
	return { host, port: Number(port), source, end: Number(end) * 1000, pause: Number(pause) * 1000,
		steps: JSON.parse(fs.readFileSync(plan)) };
}

async function one(tally, session, step) {
	const began = Date.now();
	tally.add("requests");
	try {
		tally.judge(step, await session.ask(step), undefined);
		return true;
	} catch (error) {
		return tally.failed(step, error);
	} finally {
		tally.slowest = Math.max(tally.slowest, Date.now() - began);
	}
}

async function connected(connect, tally, options) {
	while (Date.now() < options.end) {
		try {
			return await connect(options);
		} catch (error) {
			tally.add("unconnected", `no connection: ${error.message || error}`);
			await sleep(500);
		}
	}
	return null;
}

// connect(options) gives {ask(step), close()}; `depth` requests are outstanding at a time.
async function main(connect, depth) {
	const options = parse(process.argv.slice(2));
	const tally = new Tally();
	let session = await connected(connect, tally, options);
	for (let at = 0; session && Date.now() < options.end; at += depth) {
		const batch = [];
		for (let i = 0; i < depth; i++)
			batch.push(one(tally, session, options.steps[(at + i) % options.steps.length]));
		if ((await Promise.all(batch)).includes(false)) {
			session.close();
			session = await connected(connect, tally, options);
		}
		await sleep(options.pause);
	}
	if (session)
		session.close();
	tally.report();
	process.exit(0);
}

module.exports = { ANSWER_MS, Tally, main, packages, parse };
