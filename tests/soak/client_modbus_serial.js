// SPDX-License-Identifier: GPL-2.0-or-later
// The modbus-serial client of the soak: several requests outstanding on one connection.
"use strict";
const { ANSWER_MS, main, packages } = require("./client.js");
const ModbusRTU = packages("modbus-serial");

const DEPTH = 4;
const CALLS = {
	coils: (c, s) => c.readCoils(s.address, s.count).then((r) => r.data.slice(0, s.count).map(Number)),
	discrete: (c, s) => c.readDiscreteInputs(s.address, s.count).then((r) => r.data.slice(0, s.count).map(Number)),
	holding: (c, s) => c.readHoldingRegisters(s.address, s.count).then((r) => r.data),
	input: (c, s) => c.readInputRegisters(s.address, s.count).then((r) => r.data),
	coil: (c, s) => c.writeCoil(s.address, Boolean(s.values[0])),
	write: (c, s) => c.writeRegister(s.address, s.values[0]),
	many: (c, s) => c.writeRegisters(s.address, s.values),
};

async function connect(options) {
	const client = new ModbusRTU();
	client.on("error", () => {});
	await client.connectTCP(options.host, { port: options.port, localAddress: options.source });
	client.setTimeout(ANSWER_MS);
	return {
		async ask(step) {
			client.setID(step.unit || 1); // read at the call, before anything else runs
			try {
				return await CALLS[step.op](client, step);
			} catch (error) {
				if (error.modbusCode !== undefined)
					throw { code: error.modbusCode };
				if (error.errno === "ETIMEDOUT" && client.isOpen)
					throw { timeout: true };
				throw { lost: error.message };
			}
		},
		close: () => client.close(() => {}),
	};
}

main(connect, DEPTH);
