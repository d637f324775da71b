/* json.h: what jansson leaves out: RFC 6901 pointers, strict parsing with ceilings, compact bytes with
 * the shortest numbers, YAML values as JSON, and values as one safe line for people. */
#ifndef SLUICE_JSON_H
#define SLUICE_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "sluice/buf.h"
#include "sluice/doc.h"
#include "sluice/err.h"

#define JSON_DEPTH_MAX         64
#define JSON_BYTES_MAX         ((size_t)16 * 1024 * 1024)
#define JSON_POINTER_BYTES_MAX 1024

/* Parses one RFC 8259 value of any kind and nothing after it. Duplicate keys, more than JSON_BYTES_MAX
 * bytes or JSON_DEPTH_MAX levels are errors (ERR_PROTOCOL; ERR_LIMIT for the ceilings), with line and
 * column in the text and no file. When a whole number is past 64 bits, all numbers of the text are read
 * as reals. A string may hold \u0000: compare with json_string_length(). The caller owns the result. */
json_t *json_parse(const char *data, size_t len, struct err *err) SL_MUST_CHECK;

/* RFC 6901: "" is the whole, "/data/0/name" goes down, ~1 is '/', ~0 is '~'. A token "*" is reserved for
 * "every item" and refused by json_pointer_check() until it means something. False with ERR_FILE. */
bool json_pointer_check(const char *pointer, struct err *err) SL_MUST_CHECK;

/* As json_pointer_check(), but a token "*" is every item of a list or every value of an object. */
bool json_pointer_check_each(const char *pointer, struct err *err) SL_MUST_CHECK;

/* Calls fn for each value that such a pointer names, with the pointer's own form of where it is.
 * Stops when fn returns false, and returns that; true when there was none. */
typedef bool json_each_fn(void *ctx, const char *where, const json_t *value);
bool json_pointer_each(const json_t *root, const char *pointer, json_each_fn *fn, void *ctx);

/* The value a (checked) pointer names, borrowed; NULL when there is none. */
const json_t *json_pointer_get(const json_t *root, const char *pointer);

/* As json_equal(), but numbers are compared by value: 1 and 1.0 are the same. */
bool json_same(const json_t *a, const json_t *b);

/* Appends the value without blanks; keys in insertion order; reals in the shortest form that reads back
 * as the same number. Bytes for machines, not for terminals. */
void json_add_compact(struct buf *out, const json_t *value);

/* Appends the value as one line for people, at most max bytes of it, through text_add_safe(). */
void json_add_shown(struct buf *out, const json_t *value, size_t max);

/* A YAML node as JSON. Plain scalars follow YAML 1.2's JSON schema (null, true, false, numbers; an empty
 * one is null), every other plain or quoted scalar is text. ERR_FILE with place for numbers that do not
 * fit. The caller owns the result. */
json_t *json_from_doc(const struct doc_node *node, struct err *err) SL_MUST_CHECK;

#endif
