/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * A site as its documents describe it, names resolved. Every part keeps the value it was read from, for
 * findings. Only a site without errors is complete: of one with errors any pointer may be NULL. All of it
 * lives in the arena of the invocation.
 */
#include "json/value.h"
#include "policy/cip_entry.h"
#include "policy/ruleset.h"
#include "policy/words.h"
#include "protocol/modbus.h"

struct network {
	struct address address;
	uint8_t prefix;
	const struct value *at;
};

struct zone {
	const char *id;
	const struct value *at;
	enum side side;
	const char *interface;
	struct network *networks;
	size_t network_count;
};

struct person {
	const char *id;
	const struct value *at;
	bool used;
};

struct asset {
	const char *id;
	const struct value *at;
	unsigned roles;              /* enum role bits */
	const struct zone *zone;
	struct address address;      /* family 0: not read */
	const struct value *address_at;
	bool used;
};

/* One allowed Modbus service. */
struct entry {
	const struct value *at;                  /* NULL: of a built-in profile */
	const struct modbus_function *function;  /* NULL: a code that is not public */
	uint8_t code;
	uint8_t mei_type;
	uint8_t value_type;                      /* enum program_value_type */
	uint8_t word_order;
	uint16_t max_quantity;                   /* 0: what the specification allows */
	bool unit_any;
	uint32_t units[8];                       /* as in struct program_entry */
	struct range_list addresses;             /* as there, too */
	struct range_list writes;
	struct value_list values;
	struct range_list subfunctions;
	struct range_list objects;
	struct range_list read_codes;
	struct range_list files;
	struct range_list records;
};

struct entry_list {
	struct entry *items;
	size_t count;
};

struct profile {
	const char *id;
	const struct value *at;                  /* NULL: built in */
	const char *summary;                     /* of a built-in one */
	bool broad;                              /* built in, and allows more than one server needs */
	const struct protocol *protocol;
	struct entry_list entries;               /* of a Modbus profile */
	struct cip_entry_list cip;               /* of an EtherNet/IP profile */
	bool used;
};

/* Open from `from` to `until` minutes after midnight of each of its days; until <= from: on the next day. */
struct schedule {
	unsigned days; /* bit 0 = Monday */
	int from;
	int until;
};

/* A rule's members as written; each may be NULL. */
struct rule_members {
	const struct value *id, *from, *to, *protocol, *allow, *profile, *port, *purpose, *owner,
		*requested_by, *approved_by, *approved_on, *review_by, *expires, *reference, *schedule,
		*limits, *on_violation, *if_inspector_down, *open_because, *mode, *uninspected_because,
		*quirks, *route;
};

#define NO_DAY INT64_MIN

struct rule {
	const char *id;
	const struct value *at;
	struct rule_members m;
	struct asset *from;
	struct asset *to;
	const struct protocol *protocol;
	const struct profile *profile;
	struct entry_list entries;               /* its own; those of the profile come after */
	struct cip_entry_list cip;               /* the same of an EtherNet/IP rule */
	struct cip_route_list routes;            /* of a rule that names some */
	uint16_t port;                           /* 0: not known */
	int64_t approved_on, review_by, expires; /* days (base/calendar.h), or NO_DAY */
	int64_t until;                           /* seconds UTC: a grant's, which ends then; 0: the site's own */
	struct schedule *schedules;
	size_t schedule_count;
	uint16_t max_connections;                /* 0: no limit */
	uint32_t requests_per_second;
	enum program_on_violation on_violation;
	enum fallback fallback;
	enum program_mode mode;
	uint32_t quirks;                         /* PROGRAM_QUIRK_* */
	bool expired;
};

struct gate_address {
	const char *interface;
	struct address address;
	uint8_t prefix;
	const struct value *at;
};

struct gate_route {
	struct address to;
	uint8_t prefix;
	struct address via;
	const struct value *at;
};

/* A host that the gate itself talks to. */
struct gate_peer {
	struct address address;                  /* family 0: not read */
	uint16_t port;
	uint8_t transport;                       /* IPPROTO_TCP or IPPROTO_UDP */
	const char *what;                        /* "time server" */
	bool collects, tls;                      /* a log collector; by TLS */
	const struct value *at;
};

/* What the box itself needs. Addresses, routes, mode and EtherTypes are for the appliance image. */
struct gate {
	const struct value *at;                  /* NULL: the site says nothing about it */
	enum gate_mode mode;
	struct gate_address *addresses;          /* in the order of the document */
	size_t address_count;
	struct gate_route *routes;
	size_t route_count;
	struct gate_peer *peers;                 /* time servers, then log collectors */
	size_t peer_count;
	uint16_t *ethertypes;
	size_t ethertype_count;
};

struct site {
	const char *id;                          /* NULL: no site document was read */
	const struct value *at;
	const char *timezone;
	struct zone *zones;                      /* these lists are sorted by id */
	size_t zone_count;
	struct person *people;
	size_t person_count;
	struct asset *assets;
	size_t asset_count;
	struct profile *profiles;                /* those of the site */
	size_t profile_count;
	struct rule *rules;
	size_t rule_count;
	struct gate gate;
	int review_days;
	enum overdue overdue;
	enum program_on_violation on_violation;
	enum fallback fallback;
	int64_t today;                           /* in the site's zone */
	int64_t floor;                           /* seconds UTC: no window begins before it */
	bool clock_doubted;                      /* what depends on the clock soon is closed */
	bool unresolved;                         /* an end of a rule names no asset */
	bool partial;                            /* a document could not be read: names may be missing */
};
