// SPDX-License-Identifier: GPL-2.0-or-later
// EtherNet/IP clients that are not ours, driven step by step: one JSON line a step, {step, value} or
// {step, status} (CIP general status) or {step, error}.
//
//   ENIP_NPM=FOLDER client.js LIBRARY HOST STEP...
//
// LIBRARY: st-connected, st-unconnected (st-ethernet-ip), ethernet-ip.
// STEP: identity, list, reconnect, read:TAG, array:TAG=ELEMENTS, write:TAG=N, group:TAG,TAG,... (one Multiple Service Packet),
// wgroup:TAG=N,TAG=N,... A tag of a program is Program:NAME.TAG here too.
"use strict";
const path = require("path");
const { createRequire } = require("module");
const packages = createRequire(path.resolve(process.env.ENIP_NPM, "node_modules", "x.js"));

const log = console.log;
console.log = () => {}; // the libraries talk there

function library(name) {
	if (name === "ethernet-ip") {
		const eip = packages("ethernet-ip");
		return { ...eip, make: () => new eip.Controller() };
	}
	const st = packages("st-ethernet-ip");
	return { ...st, make: () => new st.Controller(name === "st-connected"), lists: true };
}

function newTag(lib, name) {
	const m = /^Program:(\w+)\.(.+)$/.exec(name);
	return m ? new lib.Tag(m[2], m[1]) : new lib.Tag(name);
}

const assignments = (text) => text.split(",").map((one) => one.split("="))
	.map(([name, value]) => [name, Number(value)]);

async function connect(lib, host) {
	const plc = lib.make();
	plc.on("error", () => {});
	await plc.connect(host, 0);
	return plc;
}

async function group(lib, plc, names) {
	const all = new lib.TagGroup();
	const made = names.map((name) => newTag(lib, name));
	made.forEach((tag) => all.add(tag));
	let failure = null;
	await plc.readTagGroup(all).catch((error) => { failure = error; });
	return { all, made, failure };
}

const plain = (value) => typeof value === "bigint" ? Number(value) : Buffer.isBuffer(value) ? value.toString("hex") :
	value;

const STEPS = {
	async identity(lib, plc) {
		return { name: plc.properties.name, version: plc.properties.version, status: plc.properties.status };
	},
	async list(lib, plc) {
		return plc.tagList.map((tag) => [tag.program || "", tag.name, tag.type.typeName, tag.type.arrayDims]);
	},
	async read(lib, plc, name) {
		const tag = newTag(lib, name);
		await plc.readTag(tag);
		return plain(tag.value);
	},
	async array(lib, plc, text) {
		const [[name, elements]] = assignments(text);
		const tag = newTag(lib, name);
		await plc.readTag(tag, elements);
		return plain(tag.value);
	},
	async write(lib, plc, text) {
		const [[name, value]] = assignments(text);
		const tag = newTag(lib, name);
		// The type is learnt by reading; a tag that cannot be read is written as DINT.
		await plc.readTag(tag).catch(() => {
			tag.type = lib.EthernetIP.CIP.DataTypes.Types.DINT;
		});
		await plc.writeTag(tag, value);
		return value;
	},
	async group(lib, plc, text) {
		const { made, failure } = await group(lib, plc, text.split(","));
		if (failure)
			throw Object.assign(failure, { value: made.map((tag) => plain(tag.controller_value)) });
		return made.map((tag) => plain(tag.value));
	},
	async wgroup(lib, plc, text) {
		const wanted = assignments(text);
		const { all, made } = await group(lib, plc, wanted.map(([name]) => name));
		for (const [i, tag] of made.entries()) {
			if (tag.controller_value === null)
				tag.type = lib.EthernetIP.CIP.DataTypes.Types.DINT;
			tag.value = wanted[i][1];
		}
		await plc.writeTagGroup(all);
		return wanted.map(([, value]) => value);
	},
};

function failed(step, error) {
	const told = { step, status: error.generalStatusCode, error: error.message, value: error.value };
	return JSON.stringify(told);
}

async function main(name, host, steps) {
	const lib = library(name);
	let plc = await connect(lib, host);
	for (const step of steps) {
		const at = step.indexOf(":");
		const word = at < 0 ? step : step.slice(0, at);
		try {
			if (word === "reconnect") {
				if (plc.disconnect)
					await plc.disconnect();
				else
					plc.destroy();
				plc = await connect(lib, host);
				log(JSON.stringify({ step, value: true }));
			} else {
				log(JSON.stringify({ step, value: await STEPS[word](lib, plc, step.slice(at + 1)) }));
			}
		} catch (error) {
			log(failed(step, error));
		}
	}
	process.exit(0);
}

process.on("uncaughtException", (error) => {
	log(JSON.stringify({ step: "crash", error: String(error.message) }));
	process.exit(3);
});
main(process.argv[2], process.argv[3], process.argv.slice(4)).catch((error) => {
	log(failed("connect", error));
	process.exit(4);
});
