/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "protocol/cip.h"

/*
 * Setting attributes of the network interfaces, of security and of what supervises a machine changes how
 * the device runs or is reached, not its process data: control.
 */
const struct cip_class cip_classes[] = {
	{ 0x01, CIP_WRITE, "identity" },
	{ 0x02, CIP_WRITE, "message-router" },
	{ 0x04, CIP_WRITE, "assembly" },
	{ 0x05, CIP_WRITE, "connection" },
	{ 0x06, CIP_WRITE, "connection-manager" },
	{ 0x07, CIP_WRITE, "register" },
	{ 0x08, CIP_WRITE, "discrete-input-point" },
	{ 0x09, CIP_WRITE, "discrete-output-point" },
	{ 0x0a, CIP_WRITE, "analog-input-point" },
	{ 0x0b, CIP_WRITE, "analog-output-point" },
	{ 0x0f, CIP_WRITE, "parameter" },
	{ 0x10, CIP_WRITE, "parameter-group" },
	{ 0x1d, CIP_WRITE, "discrete-input-group" },
	{ 0x1e, CIP_WRITE, "discrete-output-group" },
	{ 0x20, CIP_WRITE, "analog-input-group" },
	{ 0x21, CIP_WRITE, "analog-output-group" },
	{ 0x23, CIP_WRITE, "position-sensor" },
	{ 0x25, CIP_WRITE, "position-controller" },
	{ 0x28, CIP_WRITE, "motor-data" },
	{ 0x29, CIP_CONTROL, "control-supervisor" },
	{ 0x2a, CIP_WRITE, "ac-dc-drive" },
	{ 0x2c, CIP_WRITE, "overload" },
	{ 0x2d, CIP_WRITE, "softstart" },
	{ 0x30, CIP_CONTROL, "s-device-supervisor" },
	{ 0x37, CIP_CONTROL, "file" },
	{ 0x39, CIP_CONTROL, "safety-supervisor" },
	{ 0x3a, CIP_CONTROL, "safety-validator" },
	{ 0x41, CIP_WRITE, "event-log" },
	{ 0x42, CIP_WRITE, "motion-device-axis" },
	{ 0x43, CIP_WRITE, "time-sync" },
	{ 0x44, CIP_WRITE, "modbus" },
	{ 0x47, CIP_CONTROL, "device-level-ring" },
	{ 0x48, CIP_CONTROL, "qos" },
	{ 0x4e, CIP_WRITE, "base-energy" },
	{ 0x4f, CIP_WRITE, "electrical-energy" },
	{ 0x50, CIP_WRITE, "non-electrical-energy" },
	{ 0x51, CIP_CONTROL, "base-switch" },
	{ 0x52, CIP_CONTROL, "snmp" },
	{ 0x53, CIP_CONTROL, "power-management" },
	{ 0x5d, CIP_CONTROL, "cip-security" },
	{ 0x5e, CIP_CONTROL, "ethernet-ip-security" },
	{ 0x5f, CIP_CONTROL, "certificate-management" },
	{ 0x67, CIP_WRITE, "pccc" },
	{ 0x6b, CIP_WRITE, "symbol" },
	{ 0x6c, CIP_WRITE, "template" },
	{ 0x72, CIP_WRITE, "tag-list" },
	{ 0x8b, CIP_WRITE, "wall-clock-time" },
	{ 0x8e, CIP_CONTROL, "processor" },
	{ 0xb2, CIP_WRITE, "tag-registration" },
	{ 0xf4, CIP_CONTROL, "port" },
	{ 0xf5, CIP_CONTROL, "tcp-ip-interface" },
	{ 0xf6, CIP_CONTROL, "ethernet-link" },
};
const size_t cip_class_count = sizeof(cip_classes) / sizeof(cip_classes[0]);

const struct cip_service cip_services[] = {
	/* RSLinx sends a word of data with it to class AC. */
	{ CIP_COMMON, 0x01, CIP_READ, false, false, CIP_SHAPE_OPAQUE, "get-attributes-all" },
	{ CIP_COMMON, 0x02, CIP_WRITE, false, true, CIP_SHAPE_SET, "set-attributes-all" },
	{ CIP_COMMON, 0x03, CIP_READ, true, false, CIP_SHAPE_ATTRIBUTE_LIST,
	  "get-attribute-list" },
	{ CIP_COMMON, 0x04, CIP_WRITE, true, true, CIP_SHAPE_SET_ATTRIBUTE_LIST,
	  "set-attribute-list" },
	{ CIP_COMMON, 0x05, CIP_CONTROL, false, false, CIP_SHAPE_OPAQUE, "reset" },
	{ CIP_COMMON, 0x06, CIP_CONTROL, false, false, CIP_SHAPE_OPAQUE, "start" },
	{ CIP_COMMON, 0x07, CIP_CONTROL, false, false, CIP_SHAPE_OPAQUE, "stop" },
	{ CIP_COMMON, 0x08, CIP_CONTROL, false, false, CIP_SHAPE_OPAQUE, "create" },
	{ CIP_COMMON, 0x09, CIP_CONTROL, false, false, CIP_SHAPE_OPAQUE, "delete" },
	{ CIP_COMMON, 0x0a, CIP_CARRIER, false, false, CIP_SHAPE_MULTIPLE,
	  "multiple-service-packet" },
	{ CIP_COMMON, 0x0d, CIP_CONTROL, false, false, CIP_SHAPE_OPAQUE, "apply-attributes" },
	{ CIP_COMMON, 0x0e, CIP_READ, true, false, CIP_SHAPE_NONE, "get-attribute-single" },
	{ CIP_COMMON, 0x10, CIP_WRITE, true, true, CIP_SHAPE_SET, "set-attribute-single" },
	{ CIP_COMMON, 0x11, CIP_READ, false, false, CIP_SHAPE_OPAQUE,
	  "find-next-object-instance" },
	{ CIP_COMMON, 0x15, CIP_CONTROL, false, false, CIP_SHAPE_OPAQUE, "restore" },
	{ CIP_COMMON, 0x16, CIP_CONTROL, false, false, CIP_SHAPE_OPAQUE, "save" },
	{ CIP_COMMON, 0x17, CIP_READ, false, false, CIP_SHAPE_OPAQUE, "no-operation" },
	{ CIP_COMMON, 0x18, CIP_READ, true, false, CIP_SHAPE_OPAQUE, "get-member" },
	{ CIP_COMMON, 0x19, CIP_WRITE, true, true, CIP_SHAPE_OPAQUE, "set-member" },
	{ CIP_COMMON, 0x1a, CIP_WRITE, true, true, CIP_SHAPE_OPAQUE, "insert-member" },
	{ CIP_COMMON, 0x1b, CIP_WRITE, true, true, CIP_SHAPE_OPAQUE, "remove-member" },
	{ CIP_COMMON, 0x1c, CIP_READ, false, false, CIP_SHAPE_OPAQUE, "group-sync" },
	{ 0x06, 0x4e, CIP_CARRIER, false, false, CIP_SHAPE_FORWARD_CLOSE, "forward-close" },
	{ 0x06, 0x52, CIP_CARRIER, false, false, CIP_SHAPE_UNCONNECTED_SEND, "unconnected-send" },
	{ 0x06, 0x54, CIP_CARRIER, false, false, CIP_SHAPE_FORWARD_OPEN, "forward-open" },
	{ 0x06, 0x56, CIP_READ, false, false, CIP_SHAPE_OPAQUE, "get-connection-data" },
	{ 0x06, 0x57, CIP_READ, false, false, CIP_SHAPE_OPAQUE, "search-connection-data" },
	{ 0x06, 0x5a, CIP_READ, false, false, CIP_SHAPE_OPAQUE, "get-connection-owner" },
	{ 0x06, 0x5b, CIP_CARRIER, false, false, CIP_SHAPE_LARGE_FORWARD_OPEN,
	  "large-forward-open" },
	{ 0x0f, 0x4b, CIP_READ, false, false, CIP_SHAPE_OPAQUE, "get-enum-string" },
	{ 0x37, 0x4b, CIP_READ, false, false, CIP_SHAPE_OPAQUE, "initiate-upload" },
	{ 0x37, 0x4c, CIP_CONTROL, false, false, CIP_SHAPE_OPAQUE, "initiate-download" },
	{ 0x37, 0x4d, CIP_READ, false, false, CIP_SHAPE_OPAQUE, "initiate-partial-read" },
	{ 0x37, 0x4e, CIP_CONTROL, false, false, CIP_SHAPE_OPAQUE, "initiate-partial-write" },
	{ 0x37, 0x4f, CIP_READ, false, false, CIP_SHAPE_OPAQUE, "upload-transfer" },
	{ 0x37, 0x50, CIP_CONTROL, false, false, CIP_SHAPE_OPAQUE, "download-transfer" },
	{ 0x37, 0x51, CIP_CONTROL, false, false, CIP_SHAPE_OPAQUE, "clear-file" },
	{ 0x67, 0x4b, CIP_CARRIER, false, false, CIP_SHAPE_PCCC, "execute-pccc" },
	{ 0x6b, 0x4c, CIP_READ, false, false, CIP_SHAPE_READ_TAG, "read-tag" },
	{ 0x6b, 0x4d, CIP_WRITE, false, false, CIP_SHAPE_WRITE_TAG, "write-tag" },
	{ 0x6b, 0x4e, CIP_WRITE, false, false, CIP_SHAPE_MODIFY_TAG, "read-modify-write-tag" },
	{ 0x6b, 0x52, CIP_READ, false, false, CIP_SHAPE_READ_TAG_FRAGMENT, "read-tag-fragmented" },
	{ 0x6b, 0x53, CIP_WRITE, false, false, CIP_SHAPE_WRITE_TAG_FRAGMENT,
	  "write-tag-fragmented" },
	{ 0x6b, 0x55, CIP_READ, true, false, CIP_SHAPE_LISTING, "get-instance-attribute-list" },
	{ 0x6c, 0x4c, CIP_READ, false, false, CIP_SHAPE_READ_TEMPLATE, "read-template" },
	{ 0x6c, 0x55, CIP_READ, true, false, CIP_SHAPE_LISTING, "get-instance-attribute-list" },
	{ 0x72, 0x4c, CIP_READ, false, false, CIP_SHAPE_OPAQUE, "read-tag-list" },
	{ 0xb2, 0x4c, CIP_READ, false, false, CIP_SHAPE_OPAQUE, "read-registered-tags" },
	{ 0xb2, 0x4e, CIP_WRITE, false, false, CIP_SHAPE_OPAQUE, "register-tags" },
	{ 0xf6, 0x4c, CIP_WRITE, true, false, CIP_SHAPE_OPAQUE, "get-and-clear" },
};
const size_t cip_service_count = sizeof(cip_services) / sizeof(cip_services[0]);

const struct cip_attribute cip_attributes[] = {
	{ 0x01, 1, CIP_READ, "vendor-id" },
	{ 0x01, 2, CIP_READ, "device-type" },
	{ 0x01, 3, CIP_READ, "product-code" },
	{ 0x01, 4, CIP_READ, "revision" },
	{ 0x01, 5, CIP_READ, "status" },
	{ 0x01, 6, CIP_READ, "serial-number" },
	{ 0x01, 7, CIP_READ, "product-name" },
	{ 0x01, 8, CIP_READ, "state" },
	{ 0x01, 9, CIP_READ, "configuration-consistency-value" },
	{ 0x01, 10, CIP_WRITE, "heartbeat-interval" },
	{ 0x02, 1, CIP_READ, "object-list" },
	{ 0x02, 2, CIP_READ, "number-available" },
	{ 0x02, 3, CIP_READ, "number-active" },
	{ 0x02, 4, CIP_READ, "active-connections" },
	{ 0x04, 1, CIP_READ, "number-of-members" },
	{ 0x04, 2, CIP_WRITE, "member-list" },
	{ 0x04, 3, CIP_WRITE, "data" },
	{ 0x04, 4, CIP_READ, "size" },
	{ 0x0f, 1, CIP_WRITE, "parameter-value" },
	{ 0x0f, 2, CIP_WRITE, "link-path-size" },
	{ 0x0f, 3, CIP_WRITE, "link-path" },
	{ 0x0f, 4, CIP_READ, "descriptor" },
	{ 0x0f, 5, CIP_READ, "data-type" },
	{ 0x0f, 6, CIP_READ, "data-size" },
	{ 0x6b, 1, CIP_READ, "symbol-name" },
	{ 0x6b, 2, CIP_READ, "symbol-type" },
	{ 0x6b, 7, CIP_READ, "byte-count" },
	{ 0x6b, 8, CIP_READ, "array-dimensions" },
	{ 0x6c, 1, CIP_READ, "structure-handle" },
	{ 0x6c, 2, CIP_READ, "member-count" },
	{ 0x6c, 4, CIP_READ, "definition-size" },
	{ 0x6c, 5, CIP_READ, "structure-size" },
	{ 0xf5, 1, CIP_READ, "status" },
	{ 0xf5, 2, CIP_READ, "configuration-capability" },
	{ 0xf5, 3, CIP_CONTROL, "configuration-control" },
	{ 0xf5, 4, CIP_READ, "physical-link-object" },
	{ 0xf5, 5, CIP_CONTROL, "interface-configuration" },
	{ 0xf5, 6, CIP_CONTROL, "host-name" },
	{ 0xf5, 7, CIP_CONTROL, "safety-network-number" },
	{ 0xf5, 8, CIP_CONTROL, "ttl-value" },
	{ 0xf5, 9, CIP_CONTROL, "multicast-configuration" },
	{ 0xf5, 10, CIP_CONTROL, "select-acd" },
	{ 0xf5, 11, CIP_CONTROL, "last-conflict-detected" },
	{ 0xf5, 12, CIP_CONTROL, "quick-connect" },
	{ 0xf5, 13, CIP_CONTROL, "encapsulation-inactivity-timeout" },
	{ 0xf6, 1, CIP_READ, "interface-speed" },
	{ 0xf6, 2, CIP_READ, "interface-flags" },
	{ 0xf6, 3, CIP_READ, "physical-address" },
	{ 0xf6, 4, CIP_READ, "interface-counters" },
	{ 0xf6, 5, CIP_READ, "media-counters" },
	{ 0xf6, 6, CIP_CONTROL, "interface-control" },
	{ 0xf6, 7, CIP_READ, "interface-type" },
	{ 0xf6, 8, CIP_READ, "interface-state" },
	{ 0xf6, 9, CIP_CONTROL, "admin-state" },
	{ 0xf6, 10, CIP_READ, "interface-label" },
};
const size_t cip_attribute_count = sizeof(cip_attributes) / sizeof(cip_attributes[0]);

const struct cip_class *cip_class(uint32_t number)
{
	for (size_t i = 0; i < cip_class_count; i++)
		if (cip_classes[i].number == number)
			return &cip_classes[i];
	return NULL;
}

static const struct cip_service *service_row(uint32_t class, uint8_t code)
{
	size_t low = 0, high = cip_service_count;

	while (low < high) {
		size_t middle = (low + high) / 2;
		const struct cip_service *row = &cip_services[middle];

		if (row->class == class && row->code == code)
			return row;
		if (row->class < class || (row->class == class && row->code < code))
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

const struct cip_service *cip_service(uint32_t class, uint8_t code)
{
	const struct cip_service *own = class == CIP_COMMON ? NULL : service_row(class, code);

	return own ? own : service_row(CIP_COMMON, code);
}

const struct cip_attribute *cip_attribute(uint32_t class, uint32_t number)
{
	for (size_t i = 0; i < cip_attribute_count; i++)
		if (cip_attributes[i].class == class && cip_attributes[i].number == number)
			return &cip_attributes[i];
	return NULL;
}

bool cip_lists_attributes(uint8_t shape)
{
	return shape == CIP_SHAPE_ATTRIBUTE_LIST || shape == CIP_SHAPE_SET_ATTRIBUTE_LIST ||
	       shape == CIP_SHAPE_LISTING;
}

bool cip_setting_controls(uint32_t class, uint32_t first, uint32_t last)
{
	const struct cip_class *c = cip_class(class);

	if (c && c->set_access == CIP_CONTROL)
		return true;
	for (size_t i = 0; i < cip_attribute_count; i++) {
		const struct cip_attribute *a = &cip_attributes[i];

		if (a->class == class && a->access == CIP_CONTROL && a->number >= first && a->number <= last)
			return true;
	}
	return false;
}
