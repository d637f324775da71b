/* saved_plan.h: a plan as `sluice plan -o FILE` saw it, and whether it still is so.
 *
 * The file holds what was shown, and what it rests on: the hashes of the plan file and of its
 * suites, and every field of every set of the plan's records. `sluice ramp --plan FILE` holds all
 * that against what stands then, so that what somebody looked at and agreed to is what is done.
 * Names' targets and their addresses are not in it: those change by themselves. The digest finds a
 * file that was cut or edited; it is no signature. */
#ifndef SLUICE_SAVED_PLAN_H
#define SLUICE_SAVED_PLAN_H

#include <jansson.h>
#include <stdbool.h>

#include "sluice/buf.h"
#include "sluice/err.h"
#include "walk.h"

#define SAVED_PLAN_VERSION   1
#define SAVED_PLAN_BYTES_MAX ((size_t)16 * 1024 * 1024)
#define SAVED_PLAN_LINES_MAX 20 /* differences that are said one by one */

/* doc: preview_json()'s. A suite that cannot be read is ERR_FILE. */
bool saved_plan_write(const struct walk *w, const json_t *doc, const char *path,
                      struct err *err) SL_MUST_CHECK;

/* The file, whole and of this version; else ERR_FILE that names it. The caller owns *out. */
bool saved_plan_load(const char *path, json_t **out, struct err *err) SL_MUST_CHECK;
/* The plan file it was made of, an absolute path. Borrowed. */
const char *saved_plan_of(const json_t *saved);

/* Holds it against the plan just loaded and the zones just read. ERR_REFUSED when they differ; each
 * difference is then a line of `lines`: record, set, field, what it was and what it is. */
bool saved_plan_check(const struct walk *w, const json_t *saved, struct buf *lines,
                      struct err *err) SL_MUST_CHECK;

/* Pure part, open for tests. What of the records in `was` is otherwise in `is` (lists of
 * saved_plan_records()); a line each, appended. Returns how many. */
size_t saved_plan_compare(const json_t *was, const json_t *is, struct buf *lines);
/* The records of a survey with every field of their sets. The caller owns it. */
json_t *saved_plan_records(const struct survey *s);

#endif
