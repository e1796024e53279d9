/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "json/copy.h"

void copy_value(struct writer *w, const struct value *value)
{
	switch (value->type) {
	case VALUE_NULL:
		writer_text(w, NULL);
		break;
	case VALUE_BOOL:
		writer_bool(w, value->boolean);
		break;
	case VALUE_INT:
		writer_int(w, value->integer);
		break;
	case VALUE_REAL:
		writer_real(w, value->real);
		break;
	case VALUE_TEXT:
		writer_text(w, value->text);
		break;
	case VALUE_LIST:
		writer_open_list(w);
		for (size_t i = 0; i < value->count; i++)
			copy_value(w, &value->items[i]);
		writer_close_list(w);
		break;
	case VALUE_MAP:
		writer_open_map(w);
		for (size_t i = 0; i < value->count; i++) {
			writer_name(w, value->items[i].name);
			copy_value(w, &value->items[i]);
		}
		writer_close_map(w);
		break;
	}
}
