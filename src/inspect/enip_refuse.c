/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inspect/enip_refuse.h"

_Static_assert(ENIP_ERROR_MAX <= INSERTED_MAX, "an error reply fits an insertion");

static uint8_t status_of(enum reason reason)
{
	return reason == REASON_RATE_EXCEEDED || reason == REASON_CONNECTIONS_EXCEEDED ?
		CIP_STATUS_RESOURCE_UNAVAILABLE : CIP_STATUS_PRIVILEGE_VIOLATION;
}

/* An error of CIP. Of a message that has not wholly arrived, no parts are known. */
static uint32_t write_error(const struct decision *d, const uint8_t *p, size_t len, uint8_t *out)
{
	const struct enip_ask *ask = &d->asked.enip;
	struct enip_message m;
	enum reason reason = d->withdrawn ? enip_reply(p, len, &m) : enip_request(p, len, &m);

	if (ask->multiple && reason != REASON_NONE)
		return 0;
	return enip_error(ask, &m, status_of(d->reason), out);
}

uint32_t enip_refuse(const struct decision *d, const uint8_t *p, size_t len, uint8_t *out)
{
	const struct enip_ask *ask = &d->asked.enip;
	uint32_t length;

	if (d->unanswered)
		return 0;
	if (d->reason == REASON_WRONG_SESSION)
		return enip_refusal(ask, ENIP_STATUS_INVALID_SESSION, out);
	/* Of a connection that nobody opened there is no id that a CIP reply could carry. */
	if (ask->connected && !ask->reply_connection)
		return enip_refusal(ask, ENIP_STATUS_INCORRECT_DATA, out);
	length = write_error(d, p, len, out);
	return length ? length : enip_refusal(ask, ENIP_STATUS_INVALID_COMMAND, out);
}
