/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "protocol/reason.h"

#include <stddef.h>

static const struct {
	const char *code;
	const char *text;
} reasons[REASON_COUNT] = {
	[REASON_NONE] = { "none", "It was allowed." },
	[REASON_NO_RULE] = { "no-rule", "No rule permits this server to reach this device and port." },
	[REASON_FUNCTION_NOT_ALLOWED] = { "function-not-allowed",
		"No rule of this connection allows this Modbus function." },
	[REASON_UNIT_NOT_ALLOWED] = { "unit-not-allowed",
		"The function is allowed, but not for this unit id." },
	[REASON_ADDRESS_NOT_ALLOWED] = { "address-not-allowed",
		"The function is allowed, but not all of the addresses that the request names." },
	[REASON_VALUE_NOT_ALLOWED] = { "value-not-allowed",
		"It may be written, but not with this value." },
	[REASON_QUANTITY_NOT_ALLOWED] = { "quantity-not-allowed",
		"The request asks for none or for more items at once than is allowed." },
	[REASON_SERVICE_NOT_ALLOWED] = { "service-not-allowed",
		"No rule of this connection allows this CIP service." },
	[REASON_OBJECT_NOT_ALLOWED] = { "object-not-allowed",
		"The service is allowed, but not on this object." },
	[REASON_TAG_NOT_ALLOWED] = { "tag-not-allowed",
		"The service is allowed, but not on this tag." },
	[REASON_ROUTE_NOT_ALLOWED] = { "route-not-allowed",
		"The request leaves the device through a port that the rule does not name." },
	[REASON_CONNECTION_NOT_ALLOWED] = { "connection-not-allowed",
		"The rule does not allow this kind of CIP connection, or nobody has opened it." },
	[REASON_NESTING_TOO_DEEP] = { "nesting-too-deep",
		"Requests are wrapped in requests more deeply than the gate looks." },
	[REASON_MALFORMED_FRAME] = { "malformed-frame",
		"The bytes are not a message of this protocol." },
	[REASON_TRAILING_BYTES] = { "trailing-bytes",
		"The message carries more bytes than its function has." },
	[REASON_UNEXPECTED_REPLY] = { "unexpected-reply",
		"The device sent a reply to a request that nobody made." },
	[REASON_REPLY_MISMATCH] = { "reply-mismatch",
		"The device's reply does not fit the request." },
	[REASON_INCONSISTENT_RETRANSMISSION] = { "inconsistent-retransmission",
		"Bytes that were inspected were sent again with another content." },
	[REASON_DENIED_AFTER_PARTIAL] = { "denied-after-partial",
		"A message was denied after its first bytes had passed; both sides were reset." },
	[REASON_RATE_EXCEEDED] = { "rate-exceeded",
		"More requests in a second than the rule allows." },
	[REASON_CONNECTIONS_EXCEEDED] = { "connections-exceeded",
		"More connections at once than the rule allows." },
	[REASON_OUTSTANDING_EXCEEDED] = { "outstanding-exceeded",
		"Too many requests wait for a reply on one connection." },
	[REASON_OUTSIDE_SCHEDULE] = { "outside-schedule",
		"The rule is closed at this time." },
	[REASON_EXPIRED] = { "expired", "The rule has expired." },
	[REASON_DEVICE_INITIATED] = { "device-initiated",
		"The device tried to open a connection; only the server may." },
	[REASON_SPOOFED_SOURCE] = { "spoofed-source",
		"The source address does not belong behind the interface it came in by." },
	[REASON_QUARANTINED] = { "quarantined",
		"The inspector failed three times on this connection's packets and leaves it closed." },
	[REASON_MALFORMED_PACKET] = { "malformed-packet",
		"The IP or TCP header is one that no honest peer sends." },
	[REASON_UNKNOWN_CONNECTION] = { "unknown-connection",
		"The packet belongs to a connection that the gate did not see open." },
	[REASON_FLOWS_EXHAUSTED] = { "flows-exhausted",
		"The gate follows as many connections as it can; new ones are refused." },
	[REASON_REVIEW_OVERDUE] = { "review-overdue",
		"The review of the rule is overdue: it serves no new connection until it is reviewed." },
	[REASON_REVOKED] = { "revoked", "The rule was taken away while the connection was open." },
	[REASON_WRONG_SESSION] = { "wrong-session",
		"The session handle is not the one that the device gave this connection." },
	[REASON_MULTICAST] = { "multicast-not-allowed",
		"A multicast connection has no one receiver that a rule could name; ask for point to point." },
	[REASON_INTERVAL_NOT_ALLOWED] = { "interval-not-allowed",
		"The cyclic connection asks for packets more often than the rule allows." },
	[REASON_SIZE_MISMATCH] = { "size-mismatch",
		"Cyclic data is not of the size that its Forward Open names, or that does not fit a packet." },
	[REASON_OLD_SEQUENCE] = { "old-sequence",
		"A cyclic packet came again, or later than one that followed it." },
	[REASON_TIMED_OUT] = { "timed-out",
		"The cyclic connection was silent for longer than its peers had agreed on." },
};

const char *reason_code(enum reason r)
{
	return (unsigned)r < REASON_COUNT ? reasons[r].code : NULL;
}

const char *reason_text(enum reason r)
{
	return (unsigned)r < REASON_COUNT ? reasons[r].text : NULL;
}
