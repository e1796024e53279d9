/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inspect/app.h"

static const struct app *const apps[] = {
	[PROGRAM_MODBUS] = &app_modbus,
	[PROGRAM_ETHERNET_IP] = &app_enip,
};

const struct app *app_of(uint8_t protocol)
{
	return apps[protocol];
}
