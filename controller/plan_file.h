/* plan_file.h: plan.yaml, read into struct plan.
 *
 * Tables (plan_schema.c) decode the document; plan_check() judges the result; its findings are turned into
 * file:line:col with source line and caret here. Paths of suites are resolved against the plan's directory;
 * the suites themselves are loaded by whoever needs them (suite_load(), suite_decode()). */
#ifndef SLUICE_CONTROLLER_PLAN_FILE_H
#define SLUICE_CONTROLLER_PLAN_FILE_H

#include <jansson.h>
#include <stdbool.h>

#include "plan.h"
#include "sluice/arena.h"
#include "sluice/err.h"
#include "sluice/schema.h"

#define PLAN_VERSION 1

/* Reads path ("-" is standard input) into plan; strings, arrays and the document live in mem. False with
 * the first error: ERR_FILE with place. Nothing is looked up, no suite is opened. */
bool plan_load(struct plan *plan, struct arena *mem, const char *path, struct err *err) SL_MUST_CHECK;

/* What the file said and where: what errors found later need. Borrowed from the arena. */
struct plan_file;

/* As plan_load(), but hands every error to the sink; err is the first one. sink and file may be NULL. */
bool plan_load_all(struct plan *plan, struct arena *mem, const char *path, struct schema_sink *sink,
                   const struct plan_file **file, struct err *err) SL_MUST_CHECK;

/* As plan_load_all() for a document that was parsed before. */
bool plan_decode(struct plan *plan, struct arena *mem, const struct doc *doc, struct schema_sink *sink,
                 const struct plan_file **file, struct err *err) SL_MUST_CHECK;

/* plan_check() with each finding at its place in the file: for a plan that knows more by now than when it
 * was loaded (its strata). sink may be NULL. */
bool plan_file_check(const struct plan *plan, const struct plan_file *file, struct schema_sink *sink,
                     struct err *err) SL_MUST_CHECK;

/* Where the plan names its suite i: for a suite that cannot be read. */
const struct doc_node *plan_file_suite_node(const struct plan_file *file, uint32_t i);

/* True for a name Route 53 can hold a record under: labels of 1 to 63 letters, digits, '-' and '_', at most
 * 253 bytes, '*' only as the whole first label, a last dot allowed. */
bool plan_name_ok(const char *name);

/* The JSON Schema of plan files. The caller owns the result. */
json_t *plan_schema_json(void);

#endif
