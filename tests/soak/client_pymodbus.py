# SPDX-License-Identifier: GPL-2.0-or-later
"""The pymodbus client of the soak: its synchronous client, as Debian ships it (3.0)."""
import logging
import time

from pymodbus.client import ModbusTcpClient
from pymodbus.exceptions import ConnectionException, ModbusIOException
from pymodbus.pdu import ExceptionResponse

from client import ANSWER_SECONDS, Lost, NoAnswer, Refused, Unconnected, main

logging.getLogger("pymodbus").setLevel(logging.CRITICAL)


class Session:
    def __init__(self, host, port, source):
        self.client = ModbusTcpClient(host, port, source_address=(source, 0), timeout=ANSWER_SECONDS)
        if not self.client.connect():
            raise Unconnected("connect")
        self.calls = {"coils": self.client.read_coils, "discrete": self.client.read_discrete_inputs,
                      "holding": self.client.read_holding_registers,
                      "input": self.client.read_input_registers, "coil": self.client.write_coil,
                      "write": self.client.write_register, "many": self.client.write_registers}

    def ask(self, step):
        what = step["count"] if "count" in step else step["values"]
        began = time.monotonic()
        try:
            answer = self.calls[step["op"]](step["address"], what if step["op"] not in ("write", "coil")
                                            else what[0], slave=step.get("unit", 1))
        except (ConnectionException, OSError) as failure:
            raise Lost(str(failure)) from None
        if isinstance(answer, ModbusIOException):
            if time.monotonic() - began >= ANSWER_SECONDS - 1:
                raise NoAnswer
            raise Lost(str(answer))
        if isinstance(answer, ExceptionResponse):
            raise Refused(answer.exception_code)
        if "count" not in step:
            return None
        if step["op"] in ("coils", "discrete"):
            return [int(bit) for bit in answer.bits[:step["count"]]]
        return list(answer.registers)

    def close(self):
        self.client.close()


main(Session)
