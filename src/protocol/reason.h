/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Why something was denied: the stable reason codes of events, replay, reports and tests.
 * One table row a reason (reason.c); nothing else knows a reason's name. Freestanding.
 */

enum reason {
	REASON_NONE = 0, /* not denied */
	REASON_NO_RULE,
	REASON_FUNCTION_NOT_ALLOWED,
	REASON_UNIT_NOT_ALLOWED,
	REASON_ADDRESS_NOT_ALLOWED,
	REASON_VALUE_NOT_ALLOWED,
	REASON_QUANTITY_NOT_ALLOWED,
	REASON_SERVICE_NOT_ALLOWED,
	REASON_OBJECT_NOT_ALLOWED,
	REASON_TAG_NOT_ALLOWED,
	REASON_ROUTE_NOT_ALLOWED,
	REASON_CONNECTION_NOT_ALLOWED,
	REASON_NESTING_TOO_DEEP,
	REASON_MALFORMED_FRAME,
	REASON_TRAILING_BYTES,
	REASON_UNEXPECTED_REPLY,
	REASON_REPLY_MISMATCH,
	REASON_INCONSISTENT_RETRANSMISSION,
	REASON_DENIED_AFTER_PARTIAL,
	REASON_RATE_EXCEEDED,
	REASON_CONNECTIONS_EXCEEDED,
	REASON_OUTSTANDING_EXCEEDED,
	REASON_OUTSIDE_SCHEDULE,
	REASON_EXPIRED,
	REASON_DEVICE_INITIATED,
	REASON_SPOOFED_SOURCE,
	REASON_QUARANTINED,
	REASON_MALFORMED_PACKET,   /* IP or TCP header, checksum, flags that no honest peer sends */
	REASON_UNKNOWN_CONNECTION, /* a packet in mid-stream of a connection that the gate did not see open */
	REASON_FLOWS_EXHAUSTED,    /* the flow table is full: new connections are refused */
	REASON_REVIEW_OVERDUE,     /* the rule serves no new connection until it is reviewed */
	REASON_REVOKED,            /* the rule was taken away while the connection lived */
	REASON_WRONG_SESSION,      /* EtherNet/IP: not the handle that the device gave this connection */
	REASON_MULTICAST,          /* EtherNet/IP: a cyclic connection to a group of receivers */
	REASON_INTERVAL_NOT_ALLOWED, /* cyclic connection: packets more often than the rule allows */
	REASON_SIZE_MISMATCH,      /* cyclic data of another size than was negotiated */
	REASON_OLD_SEQUENCE,       /* a cyclic packet again, or behind a later one */
	REASON_TIMED_OUT,          /* a cyclic connection that its peers have given up */
	REASON_COUNT
};

/* The stable code ("no-rule"), or NULL when r is out of range. */
const char *reason_code(enum reason r);

/* One plain sentence for people, or NULL when r is out of range. */
const char *reason_text(enum reason r);
