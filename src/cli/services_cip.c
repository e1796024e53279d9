/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/services.h"

#include <stdio.h>

#include "protocol/cip.h"
#include "protocol/pccc.h"

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

static void print_pccc(const struct pccc_function *f)
{
	char code[8];

	if (f->function < 0)
		snprintf(code, sizeof(code), "%02x", f->command);
	else
		snprintf(code, sizeof(code), "%02x/%02x", f->command, (unsigned)f->function & 0xff);
	printf("  %-5s  %-29s  %s\n", code, f->name, access_name(f->access));
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
	puts("\nPCCC functions (\"pccc\"), of SLC, MicroLogix and PLC-5\n\n  code   name                           access");
	for (size_t i = 0; i < pccc_function_count; i++)
		print_pccc(&pccc_functions[i]);
	puts("\nWhat has no name here is written as a number, a function of PCCC as in \"0f/a3\".");
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

static void write_pccc(struct writer *w)
{
	writer_name(w, "pccc");
	writer_open_list(w);
	for (size_t i = 0; i < pccc_function_count; i++) {
		const struct pccc_function *f = &pccc_functions[i];

		writer_open_map(w);
		writer_put_uint(w, "command", f->command);
		if (f->function >= 0)
			writer_put_uint(w, "function", (uint16_t)f->function);
		writer_put_text(w, "name", f->name);
		writer_put_text(w, "access", access_name(f->access));
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
	write_pccc(w);
}
