/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/traffic.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/failure.h"
#include "capture/fragment.h"
#include "capture/pcap.h"
#include "cli/ethernet_ip.h"
#include "cli/modbus.h"
#include "protocol/enip.h"
#include "protocol/modbus.h"
#include "protocol/program.h"

static const struct protocol protocols[] = {
	{ .name = "modbus",
	  .program = PROGRAM_MODBUS,
	  .port = 502,
	  .framing = { modbus_frame, modbus_plausible, MODBUS_FRAME_MIN, MODBUS_FRAME_MAX },
	  .write = modbus_write,
	  .print = modbus_print },
	{ .name = "ethernet-ip",
	  .program = PROGRAM_ETHERNET_IP,
	  .port = 44818,
	  .udp = true,
	  .framing = { enip_frame, enip_plausible, ENIP_HEADER, ENIP_FRAME_MAX },
	  .write = enip_write,
	  .print = enip_print },
	{ .name = "ethernet-ip",
	  .port = 2222,
	  .udp = true,
	  .io = true,
	  .write = enip_io_write,
	  .print = enip_io_print },
};
#define PROTOCOLS (sizeof(protocols) / sizeof(protocols[0]))

static const struct protocol *find_protocol(const char *name, size_t len)
{
	for (size_t i = 0; i < PROTOCOLS; i++)
		if (strlen(protocols[i].name) == len && memcmp(protocols[i].name, name, len) == 0)
			return &protocols[i];
	return NULL;
}

const struct protocol *protocol_of(uint8_t program)
{
	for (size_t i = 0; i < PROTOCOLS; i++)
		if (protocols[i].program == program)
			return &protocols[i];
	return NULL;
}

const struct protocol *protocol_called(const char *name)
{
	return find_protocol(name, strlen(name));
}

void ports_init(struct ports *ports)
{
	ports->count = 0;
	for (size_t i = 0; i < PROTOCOLS; i++) {
		ports->items[ports->count].port = protocols[i].port;
		ports->items[ports->count++].protocol = &protocols[i];
	}
}

static bool add(struct ports *ports, const struct protocol *found, uint16_t port)
{
	for (size_t i = 0; i < ports->count; i++)
		if (ports->items[i].port == port && ports->items[i].protocol == found)
			return true;
	if (ports->count == PORTS_MAX)
		return false;
	ports->items[ports->count].port = port;
	ports->items[ports->count++].protocol = found;
	return true;
}

bool ports_add_rule(struct ports *ports, uint8_t program, uint16_t port)
{
	for (size_t i = 0; i < PROTOCOLS; i++)
		if (protocols[i].program == program)
			return add(ports, &protocols[i], port);
	return false;
}

const char *ports_add(struct ports *ports, const char *text)
{
	const char *equals = strchr(text, '=');
	const struct protocol *found;
	char *end;
	unsigned long port;

	if (!equals)
		return "--port wants PROTOCOL=NUMBER, for example modbus=1502";
	found = find_protocol(text, (size_t)(equals - text));
	if (!found)
		return "--port knows the protocols modbus and ethernet-ip";
	port = strtoul(equals + 1, &end, 10);
	if (end == equals + 1 || *end || port < 1 || port > 65535)
		return "--port wants a port number from 1 to 65535";
	if (!add(ports, found, (uint16_t)port))
		return "too many --port options";
	return NULL;
}

const struct protocol *ports_find(const struct ports *ports, const struct reorder_flow *flow,
				  unsigned *ret_device)
{
	/* end 1 was called */
	for (unsigned device = 2; device-- > 0;)
		for (size_t i = 0; i < ports->count; i++)
			if (ports->items[i].port == flow->ends[device].port &&
			    !ports->items[i].protocol->io) {
				*ret_device = device;
				return ports->items[i].protocol;
			}
	return NULL;
}

const struct protocol *ports_find_datagram(const struct ports *ports,
					   const struct udp_datagram *datagram, bool *ret_request)
{
	const uint16_t by[2] = { datagram->target.port, datagram->source.port };

	for (unsigned end = 0; end < 2; end++)
		for (size_t i = 0; i < ports->count; i++)
			if (ports->items[i].protocol->udp && ports->items[i].port == by[end]) {
				*ret_request = end == 0;
				return ports->items[i].protocol;
			}
	return NULL;
}

/*
 * One frame of the file: its TCP segment, put together from fragments if need be, goes to the
 * streams; its UDP datagram is delivered as it comes.
 */
static int add_packet(struct reorder *reorder, struct fragments *fragments,
		      const struct capture_packet *packet, const struct traffic_sink *sink)
{
	struct ip_part part, whole;
	struct tcp_segment segment;
	struct udp_datagram datagram;

	if (!packet->ip || !headers_ip(packet->ip, packet->length, &part))
		return 0;
	if (headers_is_fragment(&part)) {
		if (!fragments_add(fragments, &part, &whole))
			return 0;
		part = whole;
	}
	if (sink->datagram && headers_udp(&part, &datagram))
		sink->datagram(sink->context, &datagram, packet->frame, packet->time);
	if (!headers_tcp(&part, &segment))
		return 0;
	return reorder_add(reorder, &segment, packet->frame, packet->time);
}

static int read_all(struct capture *capture, struct reorder *reorder, struct fragments *fragments,
		    const struct traffic_sink *sink, struct traffic *ret, char *error, size_t error_size)
{
	struct capture_packet packet;
	int got, err = 0;

	while ((got = capture_next(capture, &packet)) > 0 && !err) {
		ret->frames++;
		ret->truncated += packet.truncated;
		err = add_packet(reorder, fragments, &packet, sink);
	}
	if (got < 0)
		snprintf(error, error_size, "damaged after frame %llu: %s",
			 (unsigned long long)ret->frames, capture_error(capture));
	if (!err)
		err = reorder_finish(reorder);
	if (err)
		snprintf(error, error_size, "%s", failure_text(err));
	return err ? err : got;
}

int traffic_read(const char *path, const struct traffic_sink *sink, struct traffic *ret, char *error,
		 size_t error_size)
{
	char reason[CAPTURE_ERROR];
	struct capture *capture = capture_open(path, reason);
	struct reorder *reorder = reorder_new(sink->stream, sink->context);
	struct fragments *fragments = fragments_new();
	int err;

	*ret = (struct traffic){ 0 };
	if (!capture) {
		snprintf(error, error_size, "%s", reason);
		err = -EINVAL;
	} else if (!reorder || !fragments) {
		snprintf(error, error_size, "out of memory");
		err = -ENOMEM;
	} else {
		err = read_all(capture, reorder, fragments, sink, ret, error, error_size);
	}
	fragments_free(fragments);
	reorder_free(reorder);
	capture_close(capture);
	return err;
}

void message_write_head(struct writer *w, const struct message *message)
{
	char source[ENDPOINT_TEXT], target[ENDPOINT_TEXT];

	endpoint_text(message->source, source);
	endpoint_text(message->target, target);
	writer_put_uint(w, "frame", message->frame);
	writer_name(w, "time");
	writer_real(w, (double)message->time.tv_sec + (double)message->time.tv_nsec / 1e9);
	writer_put_text(w, "protocol", message->protocol->name);
	writer_put_text(w, "src", source);
	writer_put_text(w, "dst", target);
	writer_put_text(w, "direction", message->io ? "io" : message->request ? "request" : "reply");
}

void message_print_head(FILE *out, const struct message *message)
{
	char source[ENDPOINT_TEXT], target[ENDPOINT_TEXT], when[40] = "?";
	struct tm tm;

	endpoint_text(message->source, source);
	endpoint_text(message->target, target);
	if (gmtime_r(&message->time.tv_sec, &tm))
		strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S", &tm);
	fprintf(out, "%6llu  %s.%06ldZ  %s > %s  %s ", (unsigned long long)message->frame, when,
		message->time.tv_nsec / 1000, source, target, message->protocol->name);
}
