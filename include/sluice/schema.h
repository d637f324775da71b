/* schema.h: tables that say what a file may hold, and one decoder that reads them.
 *
 * A `struct schema` describes one map: which C struct it fills and a row for every key. schema_decode()
 * walks a doc_node with it, fills the struct, and refuses unknown keys ("did you mean"), missing keys,
 * wrong types and values out of range, each with place, source line and caret. A scalar gets its type
 * from the row, never from its looks: `no` and `010` are texts where the row says text. schema_to_json()
 * prints the same tables as JSON Schema.
 *
 *     struct soak { int64_t for_ms; uint32_t rate_milli; };
 *
 *     static const struct schema_field soak_fields[] = {
 *         {.key = "for", .type = SCHEMA_DURATION, SCHEMA_TO(struct soak, for_ms), .preset = "30m",
 *          .help = "how long to watch on at 100 %"},
 *         {.key = "rate", .type = SCHEMA_RATE, SCHEMA_TO(struct soak, rate_milli), .preset = "1/s"},
 *     };
 *     static const struct schema soak_schema = {SCHEMA_TABLE("soak", struct soak, soak_fields)};
 *
 * The struct must be zeroed before. Strings and arrays live in the arena. */
#ifndef SLUICE_SCHEMA_H
#define SLUICE_SCHEMA_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sluice/arena.h"
#include "sluice/doc.h"
#include "sluice/err.h"

#define SCHEMA_LIST_MAX   10000 /* items of a list or free map whose row has no max */
#define SCHEMA_STRING_MAX 65536 /* bytes of a string whose row has no max */
#define SCHEMA_ERRORS_MAX 50    /* errors handed to a sink before the decoder gives up */

enum schema_type {
    SCHEMA_STRING,   /* const char *; plain or quoted; min/max: bytes */
    SCHEMA_BOOL,     /* bool; plain true or false and nothing else */
    SCHEMA_U32,      /* uint32_t; min/max */
    SCHEMA_I64,      /* int64_t; min/max */
    SCHEMA_DOUBLE,   /* double; min/max (whole numbers) */
    SCHEMA_DURATION, /* int64_t, milliseconds; min/max */
    SCHEMA_PERCENT,  /* uint32_t, parts per million; min/max. "1%", the sign is part of the value */
    SCHEMA_RATE,     /* uint32_t, thousandths a second; max */
    SCHEMA_TIME,     /* int64_t, Unix milliseconds; RFC 3339 with offset */
    SCHEMA_ENUM,     /* int: index of the word in names; any C enum of int's size */
    SCHEMA_STRINGS,  /* const char *const * and a size_t count; min/max: how many */
    SCHEMA_LIST,     /* array of sub->size structs and a size_t count; min/max: how many */
    SCHEMA_MAP,      /* a sub struct in place */
    SCHEMA_MAP_PTR,  /* pointer to a sub struct in the arena; NULL when the key is absent */
    SCHEMA_FREE_MAP, /* any keys: array of sub structs (sub->key holds the key), or of struct
                      * schema_entry when there is no sub; and a size_t count; min/max: how many */
    SCHEMA_NODE,     /* const struct doc_node *: taken as it is, looked at later */
    SCHEMA_CUSTOM,   /* hook decides */
    SCHEMA_TYPE_COUNT
};

enum schema_flag {
    SCHEMA_REQUIRED = 1u << 0,
    SCHEMA_OR_ONE = 1u << 1,   /* STRINGS, LIST: a single value stands for a list of one */
    SCHEMA_ONE_LINE = 1u << 2, /* STRING, STRINGS: no control bytes, not even a newline */
    SCHEMA_EMPTY_OK = 1u << 3, /* STRING: '' is fine (an unquoted nothing never is) */
};

struct schema;
struct schema_field;

struct schema_sink; /* below */

/* What travels through one decoding, for hooks and checks. */
struct schema_ctx {
    struct arena *mem;
    struct err *err;
    struct schema_sink *sink; /* NULL: stop at the first error */
    struct err *first;        /* with a sink: where the first error is kept */
    void *user;               /* from schema_decode_all() */
};

/* Decodes node into *out (the struct's member). False with ctx->err set (use doc_fail()). */
typedef bool schema_hook(struct schema_ctx *ctx, const struct schema_field *field,
                         const struct doc_node *node, void *out);
/* Looks at a whole struct after its keys were read (only when they all could be): cross-field rules. */
typedef bool schema_check(struct schema_ctx *ctx, const struct doc_node *node, void *out);

struct schema_field {
    const char *key;
    enum schema_type type;
    unsigned flags;
    size_t offset; /* SCHEMA_TO() */
    size_t count;  /* SCHEMA_COUNT(): size_t member, lists and free maps */
    size_t at;     /* SCHEMA_AT(): const struct doc_node * member; gets the value's node, and stays NULL
                    * when the key is absent: this is how to tell */
    int64_t min, max; /* both 0: the type's own bounds */
    const struct schema *sub;
    const char *const *names; /* ENUM: NULL-terminated; a NULL-less hole is "" */
    schema_hook *hook;        /* CUSTOM */
    const char *preset;       /* scalar text used when the key is absent */
    const char *json;         /* CUSTOM, NODE: JSON Schema text of the value; NULL = anything. It may say
                               * "#/definitions/NAME" of the row's sub */
    const char *help;         /* one sentence for people and for JSON Schema */
};

struct schema {
    const char *name; /* "step": in messages and as JSON Schema definition; unique */
    size_t size;      /* of the C struct */
    const struct schema_field *fields;
    size_t n_fields;
    size_t at;              /* SCHEMA_AT(): gets the map's own node */
    size_t key;             /* SCHEMA_KEY(): const char * member, for FREE_MAP */
    const char *scalar_key; /* a scalar stands for {scalar_key: scalar} */
    const char *list_key;   /* a list stands for {list_key: list} */
    schema_check *check;
    const char *help;
};

struct schema_entry {
    const struct doc_node *key;   /* key->text */
    const struct doc_node *value;
};

#define SCHEMA_TO(type, member)    .offset = offsetof(type, member)
#define SCHEMA_COUNT(type, member) .count = offsetof(type, member) + 1 /* 0 means none */
#define SCHEMA_AT(type, member)    .at = offsetof(type, member) + 1
#define SCHEMA_KEY(type, member)   .key = offsetof(type, member) + 1
#define SCHEMA_TABLE(label, type, rows)                                                            \
    .name = (label), .size = sizeof(type), .fields = (rows), .n_fields = ARRAY_LEN(rows)

/* Fills *out (zeroed, schema->size bytes) from node. False with the first error. */
bool schema_decode(void *out, const struct schema *schema, const struct doc_node *node,
                   struct arena *mem, struct err *err) SL_MUST_CHECK;

/* Takes every error of a document instead of the first one. add() copies what it wants. */
struct schema_sink {
    void (*add)(void *self, const struct err *err);
    void *self;
    size_t n; /* errors so far */
};

/* As schema_decode(), but goes on after an error and hands each to the sink (NULL: stops at the first).
 * user reaches hooks and checks through the ctx. False when there was any error; err is the first. */
bool schema_decode_all(void *out, const struct schema *schema, const struct doc_node *node,
                       struct arena *mem, void *user, struct schema_sink *sink, struct err *err)
    SL_MUST_CHECK;

/* For hooks: decodes one more map, or one value by a row of its own, inside the same decoding. */
bool schema_decode_sub(struct schema_ctx *ctx, const struct schema *schema,
                       const struct doc_node *node, void *out) SL_MUST_CHECK;
bool schema_decode_field(struct schema_ctx *ctx, const struct schema_field *field,
                         const struct doc_node *node, void *base) SL_MUST_CHECK;

/* JSON Schema, draft-07: additionalProperties false, descriptions, shared maps under definitions.
 * The caller owns the result. */
json_t *schema_to_json(const struct schema *schema, const char *title);

#endif
