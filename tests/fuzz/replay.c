/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs a fuzz target over the files of its corpus as one ordinary test; what a target holds against it aborts. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* The input in a block of its exact size. */
static void run_file(const char *path)
{
	FILE *in = fopen(path, "rb");
	uint8_t *bytes;
	long size;

	fprintf(stderr, "%s\n", path);
	if (!in || fseek(in, 0, SEEK_END) || (size = ftell(in)) < 0 || fseek(in, 0, SEEK_SET)) {
		perror(path);
		exit(1);
	}
	bytes = malloc(size ? (size_t)size : 1);
	if (!bytes || fread(bytes, 1, (size_t)size, in) != (size_t)size) {
		perror(path);
		exit(1);
	}
	fclose(in);
	LLVMFuzzerTestOneInput(bytes, (size_t)size);
	free(bytes);
}

static int visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

int main(void)
{
	struct dirent **entries;
	int count = scandir(CORPUS, &entries, visible, alphasort);

	LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
	for (int i = 0; i < count; i++) {
		char path[4096];

		snprintf(path, sizeof(path), "%s/%s", CORPUS, entries[i]->d_name);
		run_file(path);
		free(entries[i]);
	}
	if (count > 0)
		free(entries);
	printf("%s 1 - corpus_of_%s\n", count > 0 ? "ok" : "not ok", strrchr(CORPUS, '/') + 1);
	printf("1..1\n");
	return count > 0 ? 0 : 1;
}
