/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <jansson.h>
#include <string.h>

#include "json/source.h"

/* Jansson's complaint, by its code and the beginning of its text, in words for who edits the file. */
struct wording {
	enum json_error_code code;
	const char *begins; /* NULL: any text */
	const char *near;   /* the token it met; NULL: any */
	const char *message;
	const char *help;
};

static const struct wording wordings[] = {
	{ json_error_invalid_syntax, "string or '}' expected", "}",
	  "no member follows the comma before this }", "remove that comma" },
	{ json_error_invalid_syntax, "string or '}' expected", NULL,
	  "a member name in double quotes is expected here",
	  "names and text stand in double quotes; comments are not possible, use \"note\"" },
	{ json_error_invalid_syntax, "':' expected", NULL,
	  "a colon is missing after the member name", "write \"name\": value" },
	{ json_error_invalid_syntax, "']' expected", NULL,
	  "the list does not go on like this", "put a comma between two values, or ] at the end" },
	{ json_error_invalid_syntax, "'}' expected", NULL,
	  "the object does not go on like this",
	  "put a comma after the member before this one, or } at the end" },
	{ json_error_invalid_syntax, "unexpected token", "]",
	  "a value is missing before this ]", "remove the comma before it" },
	{ json_error_invalid_syntax, "unexpected token", NULL,
	  "a value is missing here", "write text in double quotes, a number, true, false, [ or {" },
	{ json_error_invalid_syntax, "unexpected newline", NULL,
	  "this text is not closed on its line", "close it with a double quote" },
	{ json_error_invalid_syntax, "control character", NULL,
	  "a control character stands in this text", "remove it; a tab is written \\t" },
	{ json_error_invalid_syntax, "invalid escape", NULL,
	  "this backslash sequence does not exist in JSON", "write \\\\ for one backslash" },
	{ json_error_invalid_syntax, "invalid Unicode", NULL,
	  "this \\u sequence is half of a character", "write both halves, or the character itself" },
	{ json_error_invalid_syntax, "invalid token", NULL,
	  "this is not a JSON value",
	  "text stands in double quotes, numbers have no leading zero; comments are not possible, "
	  "use \"note\"" },
	{ json_error_premature_end_of_input, NULL, NULL,
	  "the document ends in the middle", "close every text, list and object that was opened" },
	{ json_error_end_of_input_expected, NULL, NULL,
	  "something follows the end of the document", "a document is one { ... }; remove the rest" },
	{ json_error_invalid_utf8, NULL, NULL,
	  "this is not UTF-8", "save the file with the encoding UTF-8" },
	{ json_error_null_character, NULL, NULL,
	  "a NUL character cannot be part of a text", "remove \\u0000" },
	{ json_error_null_byte_in_key, NULL, NULL,
	  "a NUL character cannot be part of a name", "remove \\u0000" },
	{ json_error_numeric_overflow, NULL, NULL,
	  "this number is too large", "numbers reach to about 1.8e308" },
	{ json_error_stack_overflow, NULL, NULL,
	  "lists and objects are nested too deeply here", "rule documents are a few levels deep" },
};

/* The token that jansson quotes at the end of its text ("... near 'TOKEN'"), "" when it quotes none. */
static void quoted_token(const json_error_t *error, char token[static JSON_ERROR_TEXT_LENGTH])
{
	static const char before[] = " near '";
	const char *at = strstr(error->text, before);
	size_t len;

	token[0] = '\0';
	if (!at)
		return;
	at += sizeof(before) - 1;
	len = strlen(at);
	if (len && at[len - 1] == '\'')
		len--;
	memcpy(token, at, len);
	token[len] = '\0';
}

static const struct wording *find_wording(const json_error_t *error, const char *token)
{
	for (size_t i = 0; i < sizeof(wordings) / sizeof(wordings[0]); i++) {
		const struct wording *w = &wordings[i];

		if (w->code != json_error_code(error))
			continue;
		if (w->begins && strncmp(error->text, w->begins, strlen(w->begins)))
			continue;
		if (!w->near || !strcmp(w->near, token))
			return w;
	}
	return NULL;
}

/* Jansson's position is behind the token that it did not like. */
static struct diag_place place_of(const struct value_source *source, const json_error_t *error,
				  const char *token, struct arena *arena)
{
	size_t until = error->position < 0 ? 0 : (size_t)error->position;
	size_t len = strlen(token), from;

	if (until > source->len)
		until = source->len;
	from = until;
	/* of bytes that are not UTF-8 it says where they stand */
	if (json_error_code(error) == json_error_invalid_utf8)
		return source_place(source, from, from + 1, arena);
	if (len && len <= until && !memcmp(source->text + until - len, token, len))
		from = until - len;
	else if (from)
		from--;
	/* an end of the text is shown at its last line, not behind it */
	while (from == until && from && (from == source->len && source->text[from - 1] == '\n'))
		until = --from;
	return source_place(source, from, until > from ? until : from + (from < source->len), arena);
}

void syntax_report(const struct value_source *source, const struct json_error_t *error,
		   struct arena *arena, struct diag_list *diags)
{
	char token[JSON_ERROR_TEXT_LENGTH];
	const struct wording *w;
	struct diag_place place;

	quoted_token(error, token);
	w = find_wording(error, token);
	place = place_of(source, error, token, arena);
	diag_add(diags, DIAG_ERROR, "syntax", &place, w ? w->help : NULL, "%s",
		 w ? w->message : error->text);
}
