/* suite_file.h: what the tables decode, before anything is compiled. Private to smoke/suite*.c.
 *
 * Decoding has two passes: the tables (suite_file.c) fill these structs from YAML; compiling
 * (suite.c, suite_step.c, suite_test.c) turns them into the structs of sluice/suite.h, where every
 * template, pattern and pointer is parsed. Names may be used before the place that declares them,
 * so the second pass needs the whole of the first. */
#ifndef SLUICE_SMOKE_SUITE_FILE_H
#define SLUICE_SMOKE_SUITE_FILE_H

#include "sluice/schema.h"
#include "sluice/suite.h"

/* Two members of a row for a text with templates. */
#define FILE_TEXT(owner, member)                                                                   \
    .type = SCHEMA_STRING, SCHEMA_TO(owner, member.text), SCHEMA_AT(owner, member.at)

struct file_secret {
    const char *name;
    const struct doc_node *at;
    const char *env, *file, *credential;
    const char *const *command;
    size_t command_n;
};

struct file_auth {
    const struct doc_node *at;
    struct suite_text bearer;
    struct file_basic {
        struct suite_text user, password;
    } * basic;
    struct file_oauth2 {
        struct suite_text token_url, client_id, client_secret, scope, audience;
        int send; /* 0 header, 1 body */
    } * oauth2;
    struct file_sigv4 {
        struct suite_text service, region, access_key, secret_key, session_token;
    } * sigv4;
};

struct file_sign {
    const struct doc_node *at;
    int scheme; /* index into scheme_names: enum suite_sign less one */
    struct suite_text secret;
    int hash, encoding; /* enum suite_sign_hash, suite_sign_encoding */
    struct suite_text over;
    const struct schema_entry *headers;
    size_t headers_n;
};

struct file_part {
    const char *name;
    const struct doc_node *at;
    struct suite_text value;
    const char *file, *filename, *type;
    const struct doc_node *file_at;
};

struct file_body {
    struct suite_text text;
    const char *file;
    const struct doc_node *file_at;
};

struct file_transport {                            /* of a request, or of defaults */
    int64_t timeout_ms, connect_ms, first_byte_ms; /* 0: not said */
    int http;
    const struct doc_node *http_at, *compressed_at, *follow_at;
    bool compressed;
    struct file_tls {
        const char *cert, *key, *ca;
        const struct doc_node *cert_at, *key_at, *ca_at;
    } * tls;
    struct suite_text proxy;
    uint32_t follow;
};

struct file_request {
    const struct doc_node *at;
    struct file_transport transport;
    struct suite_text url[SUITE_METHOD_COUNT];
    const struct schema_entry *headers, *query, *form, *cookies;
    size_t headers_n, query_n, form_n, cookies_n;
    const struct doc_node *json, *form_at;
    struct file_body *body;
    const struct file_part *multipart;
    size_t multipart_n;
    const struct doc_node *multipart_at;
    struct file_auth *auth;
    struct file_sign *sign;
    bool rejects_unsigned;
    const struct doc_node *rejects_at;
    struct file_status {
        const struct suite_status *list;
        size_t n;
    } rejected_with;
    const struct doc_node *rejected_with_at;
};

/* One node for each predicate; NULL where absent. */
struct file_tests {
    const struct doc_node *at;
    const struct doc_node *node[SUITE_PREDICATE_COUNT];
};

struct file_target {
    const char *name;
    struct file_tests tests;
};

struct file_cookie {
    const char *name;
    const struct doc_node *at;
    bool exists, http_only, secure;
    const struct doc_node *exists_at, *http_only_at, *secure_at;
    int same_site;
    const struct doc_node *same_site_at, *max_age, *value;
    const char *path, *domain;
};

struct file_certificate {
    const struct doc_node *at;
    uint32_t days_left, chain_days_left;
    const struct doc_node *days_left_at, *chain_at, *chain, *subject, *issuer;
    const char *const *names;
    size_t names_n;
    bool self_signed;
    const struct doc_node *self_signed_at;
};

struct file_timing {
    int64_t ms[SUITE_PHASE_COUNT];
    const struct doc_node *at[SUITE_PHASE_COUNT];
};

struct file_stream {
    const struct doc_node *at;
    int64_t first_ms, between_ms;
    const struct doc_node *first_at, *between_at, *count;
    const char *event;
    struct file_stream_text {
        struct file_tests tests;
        const char *pointer;
        const struct doc_node *pointer_at;
    } * text;
    const struct file_target *each;
    size_t each_n;
    const struct doc_node *each_at;
    struct suite_text last;
    uint32_t stop_after;
};

struct file_expect {
    const struct doc_node *at;
    struct file_stream *sse, *json_lines;
    struct file_status status;
    const struct doc_node *status_at;
    const struct file_target *headers, *json;
    size_t headers_n, json_n;
    const struct doc_node *headers_at, *json_at;
    struct file_tests *body;
    const struct doc_node *shape;
    int64_t latency_ms;
    const struct doc_node *latency_at;
    struct file_certificate *certificate;
    const struct file_cookie *cookies;
    size_t cookies_n;
    const struct doc_node *cookies_at, *redirect, *size;
    const char *sha256;
    const struct doc_node *sha256_at;
    struct file_timing *timing;
    int tls; /* index into tls_names, from 1 */
    const struct doc_node *tls_at;
    struct file_expect *warn;
};

struct file_capture {
    const char *name;
    const struct doc_node *at;
    const char *json, *regex, *header, *cookie;
    bool status;
    const struct doc_node *status_at;
    int certificate;
    const struct doc_node *certificate_at;
    const struct doc_node *json_at, *regex_at;
};

struct file_mcp {
    const struct doc_node *at;
    struct suite_text url;
    const char *tool, *protocol;
    const struct doc_node *tool_at, *arguments, *protocol_at;
    const char *const *tools;
    size_t tools_n;
    const struct schema_entry *headers, *cookies;
    size_t headers_n, cookies_n;
    struct file_auth *auth;
    struct file_transport transport;
};

struct file_websocket {
    const struct doc_node *at;
    struct suite_text url, origin;
    const char *const *protocols;
    size_t protocols_n;
    const struct schema_entry *headers, *cookies;
    size_t headers_n, cookies_n;
    struct file_auth *auth;
    struct file_transport transport;
};

struct file_until {
    int64_t within_ms, every_ms;
    double backoff;
};

struct file_step {
    const struct doc_node *at;
    struct file_until *until;
    struct file_mcp *mcp;
    struct file_websocket *websocket;
    struct file_request *request;
    struct file_expect *expect;
    const struct file_capture *captures;
    size_t captures_n;
    int side; /* 0 own, 1 other */
    const struct doc_node *side_at;
};

struct file_retries {
    uint32_t times;
    int64_t delay_ms;
    double backoff;
    uint32_t jitter_ppm;
    int on; /* 0 any failure, 1 network */
};

struct file_rows { /* by column: a text or a list of them */
    const struct doc_node *only, *except;
};

struct file_check {
    struct suite_text name;
    const char *const *tags;
    size_t tags_n;
    int64_t every_ms;
    const struct file_step *steps;
    size_t steps_n;
    struct file_step step; /* at set by request only */
    const struct file_step *finally_steps;
    size_t finally_n;
    const struct doc_node *finally_at;
    int cookies; /* 0 keep, 1 off */
    struct file_rows *rows;
    bool sides[SUITE_SIDES];
    const struct doc_node *sides_at;
    uint32_t from_ppm;
    const struct doc_node *from_at;
    int severity; /* 0 fail, 1 warn */
    int via;      /* 0 pin, 1 dns */
    const char *pin;
    const struct doc_node *pin_at;
    bool known_bad;
    const char *const *needs;
    size_t needs_n;
    const struct doc_node *needs_at;
    struct file_retries *retries;
    const struct doc_node *at;
};

struct file_defaults {
    struct file_transport transport;
    int64_t every_ms;
    const struct schema_entry *headers;
    size_t headers_n;
    struct file_expect *expect;
    struct file_retries *retries;
};

struct file_suite {
    uint32_t version;
    struct suite_text base_url;
    const struct schema_entry *vars;
    size_t vars_n;
    const struct file_secret *secrets;
    size_t secrets_n;
    const struct schema_entry *matrix;
    size_t matrix_n;
    struct file_defaults defaults;
    const struct file_check *checks, *setup, *teardown;
    size_t checks_n, setup_n, teardown_n;
    const char *const *include;
    size_t include_n;
    const struct doc_node *include_at;
};

extern const struct schema file_suite_schema;
extern const struct schema file_expect_schema;
extern const struct schema file_tls_schema;
extern const char *const file_http_names[];

/* The rows of a struct file_transport inside `owner`. */
#define FILE_TRANSPORT_ROWS(owner)                                                                 \
    {.key = "timeout",                                                                             \
     .type = SCHEMA_DURATION,                                                                      \
     SCHEMA_TO(owner, transport.timeout_ms),                                                       \
     .min = 1,                                                                                     \
     .max = 600000,                                                                                \
     .help = "for the whole answer; 10s unless said"},                                             \
        {.key = "connect_timeout",                                                                 \
         .type = SCHEMA_DURATION,                                                                  \
         SCHEMA_TO(owner, transport.connect_ms),                                                   \
         .min = 1,                                                                                 \
         .max = 600000,                                                                            \
         .help = "for look-up, TCP and TLS; 5s unless said"},                                      \
        {.key = "first_byte_timeout",                                                              \
         .type = SCHEMA_DURATION,                                                                  \
         SCHEMA_TO(owner, transport.first_byte_ms),                                                \
         .min = 1,                                                                                 \
         .max = 600000,                                                                            \
         .help = "from the start of the request to the first byte of its answer"},                 \
        {.key = "http",                                                                            \
         .type = SCHEMA_ENUM,                                                                      \
         SCHEMA_TO(owner, transport.http),                                                         \
         SCHEMA_AT(owner, transport.http_at),                                                      \
         .names = file_http_names,                                                                 \
         .help = "the version wanted: 2 fails where the server speaks 1.1"},                       \
        {.key = "compressed",                                                                      \
         .type = SCHEMA_BOOL,                                                                      \
         SCHEMA_TO(owner, transport.compressed),                                                   \
         SCHEMA_AT(owner, transport.compressed_at),                                                \
         .help = "true: gzip is offered, and undone"},                                             \
        {.key = "tls",                                                                             \
         .type = SCHEMA_MAP_PTR,                                                                   \
         SCHEMA_TO(owner, transport.tls),                                                          \
         .sub = &file_tls_schema},                                                                 \
        {.key = "proxy",                                                                           \
         FILE_TEXT(owner, transport.proxy),                                                        \
         .flags = SCHEMA_ONE_LINE,                                                                 \
         .max = 2048,                                                                              \
         .help = "http://host:port; those of the environment are never used"},                     \
    {                                                                                              \
        .key = "follow", .type = SCHEMA_U32, SCHEMA_TO(owner, transport.follow),                   \
        SCHEMA_AT(owner, transport.follow_at), .max = SUITE_FOLLOW_MAX,                            \
        .help = "redirects followed at most; none unless said"                                     \
    }

extern const struct schema file_request_schema, file_mcp_schema, file_websocket_schema,
    file_auth_schema;
extern const struct schema file_sse_schema, file_json_lines_schema;
schema_hook file_decode_status; /* into a struct file_status */
extern const struct schema file_certificate_schema, file_cookie_schema, file_timing_schema;
extern const char *const file_tls_names[]; /* the index is the version less 1.0, and one */
extern const struct schema file_json_tests_schema, file_text_tests_schema;
extern const struct schema file_length_schema; /* struct suite_predicate's low and high */

#define SUITE_SUB_DEPTH_MAX 8

/* What the second pass carries. */
struct suite_builder {
    struct suite *suite;
    const struct file_suite *file;
    const struct suite_options *options;
    struct err *err;
    struct err *first;          /* with a sink: where the first error is kept */
    struct suite_check *checks; /* setup first, teardown last */
    uint8_t *built;             /* of each: SUITE_NOT_BUILT, ... */
    size_t all_n;
    int included_n; /* files so far */
    /* names a template may use now */
    int sub_depth;            /* of any, all, none and not inside each other */
    bool names_only;          /* a check's name: columns and nothing else */
    size_t vars_known;        /* the first so many variables */
    const char *const *slots; /* captures of the check's earlier steps */
    size_t slots_n;
    struct suite_uses *uses; /* what is used is added here */
};

/* suite.c */
/* Parses text->text at text->at; adds to b->uses. A NULL text stays empty. */
bool suite_build_text(struct suite_builder *b, struct suite_text *text);
bool suite_build_scalar(struct suite_builder *b, const struct doc_node *node, const char *what,
                        struct suite_text *out);
/* The path of a file that the suite names: relative ones lie beside it. In the suite's arena. */
const char *suite_beside(struct suite_builder *b, const char *path);
struct regex *suite_build_regex(struct suite_builder *b, const struct doc_node *node);
/* The arguments' order is the file's. what: "headers", for messages. */
bool suite_build_pairs(struct suite_builder *b, const struct schema_entry *entries, size_t n,
                       const char *what, const struct suite_pair **out, size_t *out_n);
bool suite_name_ok(const char *name);
/* After a failure: hands the error to the sink, if there is one. True: go on, there may be more. */
bool suite_hand_over(struct suite_builder *b);

/* suite_file_expect.c: rows of by-pointer tests, for the tables of streams too. */
bool file_decode_json_targets(struct schema_ctx *ctx, const struct doc_node *node,
                              const struct file_target **out, size_t *n);

/* suite_more.c: cookies, redirects, sizes, phases, TLS and certificates. */
bool suite_build_certificate(struct suite_builder *b, const struct file_certificate *file,
                             struct suite_expect *out);
bool suite_build_more(struct suite_builder *b, const struct file_expect *own,
                      const struct file_expect *preset, struct suite_expect *out);
/* A text, or tests of a text. */
bool suite_build_text_tests(struct suite_builder *b, const struct doc_node *node,
                            const struct suite_predicate **out, size_t *out_n);

/* suite_talk.c */
bool suite_build_mcp(struct suite_builder *b, const struct file_mcp *file, struct suite_step *out);
bool suite_build_websocket(struct suite_builder *b, const struct file_websocket *file,
                           struct suite_step *out);
bool suite_build_stream(struct suite_builder *b, const struct file_expect *file,
                        struct suite_expect *out);

/* suite_test.c */
bool suite_build_tests(struct suite_builder *b, const struct file_tests *tests, bool json,
                       const struct suite_predicate **out, size_t *out_n);
bool suite_build_targets(struct suite_builder *b, const struct file_target *from, size_t n,
                         bool json, const struct suite_target **out, size_t *out_n);
/* Both ends of a number or a map of at_least and at_most. what: the key, for messages. */
bool suite_build_range(struct suite_builder *b, const struct doc_node *node, const char *what,
                       uint32_t *low, uint32_t *high);
bool suite_build_json(struct suite_builder *b, const struct doc_node *node, struct suite_json *out);
bool suite_build_expect(struct suite_builder *b, const struct file_expect *own,
                        const struct file_expect *preset, struct suite_expect *out);

/* suite_shape.c: NULL after an error. In the suite's arena. */
const struct shape *suite_build_shape(struct suite_builder *b, const struct doc_node *node);

/* suite_transport.c: how a request travels; preset is what defaults say. */
bool suite_build_transport(struct suite_builder *b, const struct file_transport *own,
                           const struct file_transport *preset, struct suite_request *out);

/* suite_request.c */
bool suite_build_request(struct suite_builder *b, const struct file_request *file,
                         struct suite_request *out);

#define SUITE_INCLUDES_MAX      50
#define SUITE_INCLUDE_DEPTH_MAX 8

/* suite_include.c: puts what other files give before the file's own. */
bool suite_build_includes(struct suite_builder *b, struct file_suite *file);

/* suite_needs.c: all checks of a suite, those that lend before those that need them. */
bool suite_build_checks(struct suite_builder *b);
/* The slots of what a check needs, first in `slots`; its columns and secrets become the check's. */
bool suite_take_lent(struct suite_builder *b, struct suite_check *check, const char **slots,
                     size_t *n);

/* matrix.c */
bool suite_build_matrix(struct suite_builder *b);
/* Leaves out the rows that `rows:` of a check does not want; check->rows_n is that of all. */
bool suite_filter_rows(struct suite_builder *b, const struct file_rows *rows,
                       struct suite_check *check);
/* False: the key's name cannot be one, or is taken. what: "a matrix column", for messages. */
bool suite_own_name(struct suite_builder *b, const struct doc_node *key, const char *what);

/* suite_step.c */
bool suite_build_check(struct suite_builder *b, const struct file_check *file,
                       struct suite_check *out);

#endif
