/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/services.h"

#include <stdio.h>

#include "protocol/cip.h"

static const char *access_name(uint8_t access)
{
	switch ((enum cip_access)access) {
	case CIP_READ:
		return "read";
	case CIP_WRITE:
		return "write";
	case CIP_CONTROL:
		return "control";
	case CIP_CARRIER:
		return "carrier";
	}
	return "?";
}

static const char *class_name(uint16_t number)
{
	const struct cip_class *class = cip_class(number);

	return class ? class->name : "any class";
}

void services_print_cip(void)
{
	puts("\nCIP services of an allow entry of ethernet-ip (\"service\", \"class\" and \"instance\"). A carrier holds\n"
	     "other requests, which are judged one by one; no rule names it\n\n"
	     "  code  name                           access   class");
	for (size_t i = 0; i < cip_service_count; i++) {
		const struct cip_service *s = &cip_services[i];

		printf("  %4u  %-29s  %-7s  %s\n", s->code, s->name, access_name(s->access),
		       class_name(s->class));
	}
	puts("\nCIP classes\n");
	for (size_t i = 0; i < cip_class_count; i++)
		printf("  %4u  %s\n", cip_classes[i].number, cip_classes[i].name);
	puts("\nCIP attributes\n");
	for (size_t i = 0; i < cip_attribute_count; i++)
		printf("  %4u  %-29s  %s\n", cip_attributes[i].number, cip_attributes[i].name,
		       class_name(cip_attributes[i].class));
	puts("\nWhat has no name here is written as a number.");
}

static void write_services(struct writer *w)
{
	writer_name(w, "ethernet-ip");
	writer_open_list(w);
	for (size_t i = 0; i < cip_service_count; i++) {
		const struct cip_service *s = &cip_services[i];

		writer_open_map(w);
		writer_put_uint(w, "service", s->code);
		writer_put_text(w, "name", s->name);
		writer_put_text(w, "access", access_name(s->access));
		if (s->class != CIP_COMMON)
			writer_put_uint(w, "class", s->class);
		writer_close_map(w);
	}
	writer_close_list(w);
}

void services_write_cip(struct writer *w)
{
	write_services(w);
	writer_name(w, "cip_classes");
	writer_open_list(w);
	for (size_t i = 0; i < cip_class_count; i++) {
		writer_open_map(w);
		writer_put_uint(w, "class", cip_classes[i].number);
		writer_put_text(w, "name", cip_classes[i].name);
		writer_close_map(w);
	}
	writer_close_list(w);
	writer_name(w, "cip_attributes");
	writer_open_list(w);
	for (size_t i = 0; i < cip_attribute_count; i++) {
		writer_open_map(w);
		writer_put_uint(w, "class", cip_attributes[i].class);
		writer_put_uint(w, "attribute", cip_attributes[i].number);
		writer_put_text(w, "name", cip_attributes[i].name);
		writer_close_map(w);
	}
	writer_close_list(w);
}
