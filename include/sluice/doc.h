/* doc.h: a YAML document as a tree that remembers where everything stood. The libyaml door.
 *
 * The subset people write by hand: maps with plain keys, lists, scalars. Anchors, aliases, tags,
 * directives, several documents, duplicate keys, NUL and control bytes are refused, so what a person
 * reads in the file is what the program sees. A scalar has no type here: its text and whether it was
 * quoted; schema.h gives it one.
 *
 * Nodes, strings and a copy of the file's text live in one arena and die together. Every node knows
 * its document, so an error found much later (schema, plan, suite) still shows the source line:
 * use doc_fail(). */
#ifndef SLUICE_DOC_H
#define SLUICE_DOC_H

#include <stdbool.h>
#include <stddef.h>

#include "sluice/arena.h"
#include "sluice/buf.h"
#include "sluice/err.h"

#define DOC_BYTES_MAX ((size_t)1024 * 1024) /* ten thousand records, listed */
#define DOC_DEPTH_MAX 32   /* lists and maps inside each other */
#define DOC_KEYS_MAX  4096 /* keys of one map: looking for duplicates is quadratic */

enum doc_kind { DOC_SCALAR, DOC_LIST, DOC_MAP };

struct doc;
struct doc_pair;

struct doc_node {
    enum doc_kind kind;
    bool quoted; /* scalar in '…' or "…", or a | or > block: always text */
    struct pos pos;
    const struct doc *doc;
    const char *text; /* scalar: NUL-terminated, no NUL inside; "" otherwise */
    size_t len;       /* scalar: bytes of text */
    size_t n;         /* list and map: how many items or pairs */
    const struct doc_node *const *items; /* list */
    const struct doc_pair *pairs;        /* map, in the file's order */
};

struct doc_pair {
    const struct doc_node *key; /* a scalar without control bytes */
    const struct doc_node *value;
};

struct doc {
    const char *path;
    const char *text; /* the whole file */
    size_t len;
    const struct doc_node *root;
};

/* Parses text (at most DOC_BYTES_MAX) into mem; everything is copied. path is the name shown in
 * errors. NULL on failure: ERR_FILE with place, source line and caret. */
const struct doc *doc_parse(struct arena *mem, const char *path, const struct buf *text,
                            struct err *err) SL_MUST_CHECK;

/* Reads the file (or "-") and parses it. */
const struct doc *doc_load(struct arena *mem, const char *path, struct err *err) SL_MUST_CHECK;

const struct doc_node *doc_root(const struct doc *doc);

/* The value under key, or NULL when map is no map or has no such key. */
const struct doc_node *doc_get(const struct doc_node *map, const char *key);

/* True for a plain scalar without text ("key:" and nothing behind it). */
bool doc_is_empty(const struct doc_node *node);

/* "a text", "a list", "a map", "nothing": what a node is, for messages. */
const char *doc_kind_name(const struct doc_node *node);

/* Sets err at the node's place with its source line and caret; always returns false. */
bool doc_fail(const struct doc_node *node, struct err *err, enum err_kind kind, const char *fmt, ...)
    SL_PRINTF(4, 5);

#endif
