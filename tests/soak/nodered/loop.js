// SPDX-License-Identifier: GPL-2.0-or-later
// What the function nodes of the flow call: the next request, and the check of its answer.
"use strict";
const { ANSWER_MS, Tally, parse } = require("../client.js");

const FUNCTIONS = { coils: 1, discrete: 2, holding: 3, input: 4, coil: 5, write: 6, many: 16 };
const options = parse(JSON.parse(process.env.SOAK_ARGUMENTS));
const tally = new Tally();
let at = 0, step = null, began = 0, started = false, over = false;

function finish() {
	if (over)
		return;
	over = true;
	if (step)
		tally.add("hangs", `no answer to ${JSON.stringify(step)}`);
	tally.report();
	process.exit(0);
}

function message() {
	const payload = { fc: FUNCTIONS[step.op], unitid: step.unit || 1, address: step.address,
		quantity: step.count || step.values.length };
	if (step.values)
		payload.value = step.op === "many" ? step.values : step.values[0];
	return { topic: "soak", payload };
}

function ask(node) {
	if (Date.now() >= options.end)
		return finish();
	setTimeout(() => {
		step = options.steps[at++ % options.steps.length];
		began = Date.now();
		tally.add("requests");
		node.send(step.count ? [message(), null] : [null, message()]);
	}, options.pause);
}

// The nodes hand an error on as an object or as its text.
function reason(error) {
	const text = String(error.message || error);
	if (error.modbusCode !== undefined)
		return { code: error.modbusCode };
	const said = /Modbus exception (\d+)/.exec(text);
	if (said)
		return { code: Number(said[1]) };
	return /timed out/i.test(text) ? { timeout: true } : { lost: text };
}

// Returns true: the loop goes on.
function check(msg) {
	const asked = step;
	if (!asked) {
		tally.add("wrong", `an answer that nobody asked for: ${JSON.stringify(msg.payload)}`);
		return false;
	}
	step = null;
	tally.slowest = Math.max(tally.slowest, Date.now() - began);
	if (msg.error)
		tally.failed(asked, reason(msg.error));
	else
		tally.judge(asked, asked.count && Array.from(msg.payload).slice(0, asked.count).map(Number), undefined);
	return true;
}

// Returns true when the loop has to be started, or started again.
function polled(msg, first, count) {
	const expect = Array.from({ length: count }, (_, i) => first + i);
	tally.add("requests");
	if (msg.error)
		tally.failed({ op: "poll" }, reason(msg.error));
	else
		tally.judge({ op: "poll", expect }, msg.payload, undefined);
	const stuck = step && Date.now() - began > ANSWER_MS + 2000;
	if (stuck)
		tally.failed(step, { timeout: true });
	if (started && !stuck)
		return false;
	started = true;
	step = null;
	return true;
}

module.exports = { ask, check, polled, finish };
