// SPDX-License-Identifier: GPL-2.0-or-later
// The jsmodbus client of the soak. It takes many requests at a time and sends them one after another.
"use strict";
const net = require("net");
const { ANSWER_MS, main, packages } = require("./client.js");
const jsmodbus = packages("jsmodbus");

const DEPTH = 4;
const values = (answer, step) => Array.from(answer.response.body.valuesAsArray).slice(0, step.count);
const CALLS = {
	coils: (c, s) => c.readCoils(s.address, s.count).then((r) => values(r, s)),
	discrete: (c, s) => c.readDiscreteInputs(s.address, s.count).then((r) => values(r, s)),
	holding: (c, s) => c.readHoldingRegisters(s.address, s.count).then((r) => values(r, s)),
	input: (c, s) => c.readInputRegisters(s.address, s.count).then((r) => values(r, s)),
	coil: (c, s) => c.writeSingleCoil(s.address, Boolean(s.values[0])),
	write: (c, s) => c.writeSingleRegister(s.address, s.values[0]),
	many: (c, s) => c.writeMultipleRegisters(s.address, s.values),
};

function connect(options) {
	return new Promise((done, refuse) => {
		const socket = net.connect({ host: options.host, port: options.port, localAddress: options.source });
		// Its clock for an answer runs from the sending, not from the asking.
		const client = new jsmodbus.client.TCP(socket, 1, ANSWER_MS);
		const ask = async (step) => {
			try {
				return await CALLS[step.op](client, step);
			} catch (error) {
				if (error.err === "ModbusException")
					throw { code: error.response.body.code };
				if (error.err === "Timeout" && !socket.destroyed)
					throw { timeout: true };
				throw { lost: `${error.err}: ${error.message}` };
			}
		};
		socket.once("error", refuse);
		socket.once("connect", () => done({ ask, close: () => socket.destroy() }));
	});
}

main(connect, DEPTH);
