/* logbook.h: everything that happened, as JSON lines, in memory and in a file.
 *
 * Tests judge from it, so it is complete and its fields only grow; README.md lists them. */
#ifndef SANDBOX_LOGBOOK_H
#define SANDBOX_LOGBOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "sluice/buf.h"
#include "sluice/err.h"

#define LOGBOOK_LINES_MAX 200000 /* kept in memory; the oldest tenth goes first */

struct logbook;

struct logbook *logbook_new(const char *path, struct err *err); /* path NULL: memory only */
void logbook_free(struct logbook *l);

/* Takes entry, puts "seq" in front of its fields and writes the line. */
void logbook_add(struct logbook *l, json_t *entry);
uint64_t logbook_last(const struct logbook *l); /* 0: empty */
/* Appends a JSON array of all lines with seq > since. */
void logbook_since(const struct logbook *l, uint64_t since, struct buf *out);

#endif
