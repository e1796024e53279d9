// SPDX-License-Identifier: GPL-2.0-or-later
// The EtherNet/IP clients of the soak: one request at a time, on one connection. LIBRARY is st-connected,
// st-unconnected (both st-ethernet-ip) or ethernet-ip; all tags are DINT.
//
//   SOAK_NPM=FOLDER client_enip.js LIBRARY HOST ...   (the rest as for client.js)
"use strict";
const [library] = process.argv.splice(2, 1);
const { main, packages } = require("./client.js");
const lib = packages(library === "ethernet-ip" ? library : "st-ethernet-ip");

const DINT = lib.EthernetIP.CIP.DataTypes.Types.DINT;
const newTag = (name) => new lib.Tag(name, null, DINT);

const CALLS = {
	async read(plc, step) {
		const tag = newTag(step.tags[0]);
		await plc.readTag(tag);
		return [tag.value];
	},
	async write(plc, step) {
		const tag = newTag(step.tags[0]);
		tag.value = step.values[0]; // st-ethernet-ip looks there for an array
		await plc.writeTag(tag, step.values[0]);
	},
	// One Multiple Service Packet.
	async group(plc, step) {
		const all = new lib.TagGroup(), tags = step.tags.map(newTag);
		tags.forEach((tag) => all.add(tag));
		await plc.readTagGroup(all);
		return tags.map((tag) => tag.value);
	},
};

async function connect(options) {
	const plc = new lib.Controller(library === "st-connected");
	let lost = null;
	plc.on("error", (error) => { lost = error; });
	await plc.connect(options.host, 0);
	return {
		async ask(step) {
			try {
				return await CALLS[step.op](plc, step);
			} catch (error) {
				if (error.generalStatusCode !== undefined)
					throw { code: error.generalStatusCode };
				throw lost || !/time/i.test(`${error.name} ${error.message}`) ?
					{ lost: String((lost || error).message || error) } : { timeout: true };
			}
		},
		close: () => plc.destroy(),
	};
}

console.log = ((log) => (text) => String(text).startsWith("report ") && log(text))(console.log); // the libraries talk there
main(connect, 1);
