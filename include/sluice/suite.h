/* suite.h: a suite file, read and compiled: variables, secrets, matrix, and checks of one or more
 * requests.
 *
 * suite_load() decodes the YAML through tables and compiles everything that can be wrong: templates
 * with unknown names, patterns, JSON pointers, header bytes, urls. What loads can be sent. Strings,
 * templates and tables live in the suite's arena; regexes and fixed JSON values are owned by it;
 * suite_clear() ends all.
 *
 * A check has rows: one for every combination of the matrix columns that it uses (a check that uses
 * none has one row). check × row is a cell; the pump makes strata of cells and endpoints. */
#ifndef SLUICE_SUITE_H
#define SLUICE_SUITE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sluice/arena.h"
#include "sluice/buf.h"
#include "sluice/doc.h"
#include "sluice/err.h"
#include "sluice/regex.h"
#include "sluice/schema.h"
#include "sluice/secret.h"
#include "sluice/template.h"

#define SUITE_CHECKS_MAX         2000
#define SUITE_STEPS_MAX          50                        /* requests of one check */
#define SUITE_COLUMNS_MAX        8                         /* of a matrix */
#define SUITE_ROWS_MAX           50000                     /* of one check */
#define SUITE_CELLS_MAX          100000                    /* check × row of a suite */
#define SUITE_CAPTURES_MAX       64                        /* of one check */
#define SUITE_SECRETS_MAX        64                        /* of one suite */
#define SUITE_VALUE_MAX          1024                      /* bytes of a matrix value */
#define SUITE_MATRIX_BYTES_MAX   ((size_t)4 * 1024 * 1024) /* of a matrix file */
#define SUITE_RETRIES_MAX        20
#define SUITE_RETRY_MS_MAX       600000 /* the longest delay, whatever backoff makes of it */
#define SUITE_COOKIES_MAX        50     /* of one request */
#define SUITE_SIGN_HEADERS_MAX   8      /* of one signature */
#define SUITE_FOLLOW_MAX         20     /* redirects of one request */
#define SUITE_PARTS_MAX          100    /* of a multipart body */
#define SUITE_BODY_FILE_MAX      ((size_t)1024 * 1024) /* of one file that is sent */
#define SUITE_TIMEOUT_MS_DEFAULT 10000
#define SUITE_CONNECT_MS_DEFAULT 5000

enum suite_side { SUITE_OLD, SUITE_NEW, SUITE_SIDES };

extern const char *const suite_side_names[]; /* "old", "new", NULL */

/* Text with {{names}}; at is NULL when the key was absent. */
struct suite_text {
    const struct doc_node *at;
    const char *text;
    struct template tpl;
};

/* What a template needs, through variables too. */
struct suite_uses {
    uint32_t columns; /* bit i: matrix column i */
    uint64_t secrets; /* bit i: secret i */
    bool captures;
};

struct suite_pair { /* a header, form field or query item */
    const char *name;
    struct suite_text value;
};

/* A JSON value whose strings may hold templates. fixed is set when none does (borrowed from the
 * suite). */
struct suite_json_part {
    bool is_string;      /* expand tpl and write it as the inside of a JSON string */
    const char *literal; /* else: bytes to copy */
    struct template tpl;
};

struct suite_json {
    const struct doc_node *at;
    const struct suite_json_part *parts;
    size_t parts_n;
    json_t *fixed;
};

enum suite_method {
    SUITE_GET,
    SUITE_HEAD,
    SUITE_POST,
    SUITE_PUT,
    SUITE_PATCH,
    SUITE_DELETE,
    SUITE_METHOD_COUNT
};

enum suite_body {
    SUITE_BODY_NONE,
    SUITE_BODY_JSON,
    SUITE_BODY_FORM,
    SUITE_BODY_RAW,
    SUITE_BODY_FILE,
    SUITE_BODY_MULTIPART
};

struct suite_part { /* of a multipart body (RFC 7578) */
    const char *name;
    struct suite_text value; /* or */
    const char *data;        /* a file's content, read when the suite was; NULL: value */
    size_t len;
    const char *filename, *type; /* NULL: none */
};

enum suite_auth {
    SUITE_AUTH_NONE,
    SUITE_AUTH_BEARER,
    SUITE_AUTH_BASIC,
    SUITE_AUTH_OAUTH2,
    SUITE_AUTH_SIGV4
};

struct suite_oauth2 { /* client credentials, RFC 6749 section 4.4 */
    struct suite_text token_url, client_id, client_secret, scope, audience;
    bool in_body; /* the client's id and secret: in the body, not in a Basic header */
};

struct suite_sigv4 {
    struct suite_text service, region, access_key, secret_key, session_token;
};

enum suite_sign {
    SUITE_SIGN_NONE,
    SUITE_SIGN_STRIPE,
    SUITE_SIGN_GITHUB,
    SUITE_SIGN_SLACK,
    SUITE_SIGN_STANDARD,
    SUITE_SIGN_HMAC,
    SUITE_SIGN_COUNT
};

enum suite_sign_hash { SUITE_SIGN_SHA256, SUITE_SIGN_SHA1, SUITE_SIGN_SHA512 };
enum suite_sign_encoding { SUITE_SIGN_HEX, SUITE_SIGN_BASE64 };

struct suite_signing {
    enum suite_sign scheme;
    struct suite_text secret;
    /* hmac only; their templates know body, timestamp, id and, in headers, signature */
    enum suite_sign_hash hash;
    enum suite_sign_encoding encoding;
    struct suite_text over;
    const struct suite_pair *headers;
    size_t headers_n;
};

struct suite_status { /* both ends included: 200..200, 200..299 for 2xx */
    uint16_t low, high;
};

struct suite_request {
    const struct doc_node *at;
    enum suite_method method;
    struct suite_text url; /* absolute, or relative to base_url */
    bool url_foreign; /* a capture stands in its scheme or host: its origin is checked when sent */
    const struct suite_pair *headers, *query, *form, *cookies;
    size_t headers_n, query_n, form_n, cookies_n;
    enum suite_body body;
    struct suite_json json;
    struct suite_text raw;
    enum suite_auth auth;
    struct suite_text token;           /* bearer */
    struct suite_text user, password;  /* basic */
    const struct suite_oauth2 *oauth2; /* SUITE_AUTH_OAUTH2 */
    const struct suite_sigv4 *sigv4;   /* SUITE_AUTH_SIGV4 */
    const char *file; /* SUITE_BODY_FILE: its name; the content was read when the suite was */
    const char *file_data;
    size_t file_len;
    const struct suite_part *multipart;
    size_t multipart_n;
    struct suite_signing sign;
    const struct doc_node *rejects_at; /* NULL: forgeries are not tried */
    const struct suite_status *rejected_with;
    size_t rejected_with_n;
    int64_t timeout_ms, connect_ms;
    int64_t first_byte_ms; /* 0: no such deadline */
    enum suite_http { SUITE_HTTP_ANY, SUITE_HTTP_1_1, SUITE_HTTP_2 } http;
    bool compressed;
    const char *cert_file, *key_file, *ca_file; /* NULL: none, none, the run's */
    struct suite_text proxy;
    uint32_t follow; /* redirects at most */
};

enum suite_predicate_op {
    SUITE_EQUALS,
    SUITE_CONTAINS,
    SUITE_MATCHES,
    SUITE_STARTS_WITH,
    SUITE_ENDS_WITH,
    SUITE_EXISTS,
    SUITE_AT_LEAST,
    SUITE_AT_MOST,
    SUITE_LENGTH,
    SUITE_ONE_OF,
    SUITE_TYPE,
    SUITE_NEAR,
    SUITE_ANY,
    SUITE_ALL,
    SUITE_NONE,
    SUITE_NOT,
    SUITE_SHAPE,
    SUITE_PREDICATE_COUNT
};

enum suite_type { /* of a JSON value */
                  SUITE_TYPE_STRING,
                  SUITE_TYPE_NUMBER,
                  SUITE_TYPE_INTEGER,
                  SUITE_TYPE_BOOLEAN,
                  SUITE_TYPE_NULL,
                  SUITE_TYPE_LIST,
                  SUITE_TYPE_OBJECT,
                  SUITE_TYPE_COUNT
};

extern const char *const suite_type_names[]; /* "string", ..., NULL */

struct suite_target;
struct shape; /* shape.h */

struct suite_predicate {
    enum suite_predicate_op op;
    const struct doc_node *at;
    struct suite_text text;         /* contains, starts_with, ends_with; equals on text */
    struct suite_json json;         /* equals on JSON */
    struct regex *regex;            /* matches; owned by the suite */
    double number;                  /* at_least, at_most, near */
    double within;                  /* near */
    uint32_t types;                 /* type: bit i is enum suite_type i */
    const struct suite_target *sub; /* any, all, none, not; name "" is the value itself */
    size_t sub_n;
    const struct suite_predicate *choices; /* one_of: each an equals */
    size_t choices_n;
    const struct shape *shape; /* shape */
    bool flag;                 /* exists */
    uint32_t low, high;        /* length, both ends included */
};

struct suite_target { /* a header's name or a JSON pointer, and what must hold for it */
    const char *name;
    const struct doc_node *at;
    const struct suite_predicate *predicates;
    size_t predicates_n;
};

enum suite_same_site { SUITE_SAME_SITE_ANY, SUITE_STRICT, SUITE_LAX, SUITE_SAME_NONE };

struct suite_cookie { /* what a Set-Cookie of the answer must be like */
    const char *name;
    const struct doc_node *at;
    bool absent;           /* there must be none of this name */
    int http_only, secure; /* -1: not judged */
    enum suite_same_site same_site;
    const char *path, *domain;     /* NULL: not judged */
    int64_t age_low_s, age_high_s; /* Max-Age, or Expires less now; both 0: not judged */
    const struct suite_predicate *value;
    size_t value_n;
};

struct suite_certificate {
    const struct doc_node *at;
    uint32_t days_left, chain_days_left; /* 0: not judged */
    const struct doc_node *days_left_at, *chain_at;
    const struct suite_text *names; /* each must be covered */
    size_t names_n;
    const struct suite_predicate *subject, *issuer;
    size_t subject_n, issuer_n;
    int self_signed;                /* -1: not judged */
    uint32_t chain_low, chain_high; /* certificates sent; high 0: not judged */
};

enum suite_phase {
    SUITE_DNS,
    SUITE_CONNECT,
    SUITE_TLS,
    SUITE_FIRST_BYTE,
    SUITE_TOTAL,
    SUITE_PHASE_COUNT
};

struct suite_more { /* expectations that few steps have */
    const struct suite_cookie *cookies;
    size_t cookies_n;
    const struct suite_predicate *redirect; /* of Location, seen from the url that was asked */
    size_t redirect_n;
    uint64_t size_low, size_high; /* bytes of the decoded body; high 0: not judged */
    const struct doc_node *size_at;
    const char *sha256; /* hex, of the whole body; NULL: not judged */
    const struct doc_node *sha256_at;
    int64_t phases_ms[SUITE_PHASE_COUNT]; /* 0: not judged */
    const struct doc_node *phases_at[SUITE_PHASE_COUNT];
    int tls_least; /* 10, 11, 12, 13 for TLS 1.x; 0: not judged */
    const struct doc_node *tls_at;
};

struct suite_stream { /* an answer that comes in events */
    const struct doc_node *at;
    bool json_lines;              /* else server-sent events */
    int64_t first_ms, between_ms; /* 0: no such deadline */
    const struct doc_node *first_at, *between_at, *count_at;
    uint32_t low, high;                 /* how many, both ends included */
    const char *event;                  /* only events of this name count; NULL: all */
    const char *pointer;                /* of each event's data; NULL: all of it is text */
    const struct suite_predicate *text; /* of what they say together */
    size_t text_n;
    const struct suite_target *each; /* of every event's data, but the last one's */
    size_t each_n;
    struct suite_text last; /* the data of the last event: reading stops there; text NULL: none */
    uint32_t stop_after;    /* events after which reading stops; 0: never */
};

struct suite_expect {
    const struct suite_stream *stream; /* NULL: the answer is no stream */
    const struct doc_node *at;         /* NULL: nothing said, all from defaults */
    const struct suite_status *status; /* never empty after loading: 2xx when nobody names one */
    size_t status_n;
    /* status_at, latency_at, days_left_at: NULL when the step itself says nothing */
    const struct doc_node *status_at;
    const struct suite_target *headers, *json;
    size_t headers_n, json_n;
    const struct suite_predicate *body;
    size_t body_n;
    int64_t latency_ms; /* 0: not judged. From the start of the request to its last byte */
    const struct doc_node *latency_at;
    const struct suite_certificate *certificate; /* NULL: not judged */
    const struct suite_more *more;               /* NULL: nothing */
    const struct suite_expect *warn; /* what is not met of it is said, and decides nothing; NULL */
};

enum suite_capture_kind {
    SUITE_CAPTURE_JSON,
    SUITE_CAPTURE_REGEX,
    SUITE_CAPTURE_HEADER,
    SUITE_CAPTURE_COOKIE,
    SUITE_CAPTURE_STATUS,
    SUITE_CAPTURE_CERTIFICATE
};

enum suite_cert_field {
    SUITE_CERT_SUBJECT,
    SUITE_CERT_ISSUER,
    SUITE_CERT_SHA256,
    SUITE_CERT_NOT_AFTER, /* RFC 3339 */
    SUITE_CERT_DAYS_LEFT,
    SUITE_CERT_FIELD_COUNT
};

struct suite_capture {
    const char *name;
    const struct doc_node *at;
    enum suite_capture_kind kind;
    const char *from;            /* JSON pointer or header name; the pattern's text for a regex */
    struct regex *regex;         /* first group when it has one, else the whole match */
    enum suite_cert_field field; /* SUITE_CAPTURE_CERTIFICATE */
    uint32_t slot;               /* index into the flow's captured values */
};

#define SUITE_MCP_TOOLS_MAX 60 /* names in `tools` */

struct suite_mcp { /* a visit to an MCP server; url, headers and auth are the step's request */
    const struct doc_node *at;
    const char *tool; /* called; NULL: none, the list of tools is what is judged */
    struct suite_json arguments;
    const char *const *tools; /* must be in the list */
    size_t tools_n;
    const char *protocol; /* the version offered */
};

struct suite_websocket { /* an opening handshake; url, headers and auth are the step's request */
    const struct doc_node *at;
    const char *protocols; /* as in the header; NULL: none */
    struct suite_text origin;
};

struct suite_step {
    struct suite_request request;
    int64_t until_ms, until_every_ms;        /* asked again until it is met, so long; 0: once */
    double until_backoff;                    /* each pause is longer by this factor */
    const struct suite_mcp *mcp;             /* NULL: none */
    const struct suite_websocket *websocket; /* NULL: none */
    struct suite_expect expect;
    const struct suite_capture *captures;
    size_t captures_n;
    bool other; /* asked of the other side than the check's */
};

struct suite_check {
    const struct doc_node *at;
    struct suite_text name;
    const char *const *tags;
    size_t tags_n;
    int64_t every_ms;
    const struct suite_step *steps;
    size_t steps_n;
    size_t finally_at; /* steps from here on run whatever became of those before; steps_n: none */
    bool sides[SUITE_SIDES]; /* on which it runs */
    uint8_t from_percent;    /* not asked for below this step; 0: always */
    bool required;           /* severity is not warn */
    bool known_bad;          /* fails on both sides and everybody knows: no evidence */
    bool via_dns;            /* not pinned: no evidence for either side */
    bool crosses;            /* some step is asked of the other side: no evidence for either */
    bool no_jar;             /* cookies that answers set are not sent back */
    const char *pin;         /* record that says where its requests go; NULL: by host */
    const struct doc_node *pin_at;
    uint32_t retries; /* by the program smoke only: a ramp asks again by its own rule */
    int64_t retry_ms;
    uint32_t retry_growth_percent; /* each delay is so much of the one before; 100: as long */
    uint32_t retry_jitter_percent; /* a delay is shorter by up to this, at random */
    bool retry_network;            /* only where no whole answer came */
    bool reads_only;               /* all requests are GET or HEAD */
    enum suite_stage { SUITE_MAIN, SUITE_SETUP, SUITE_TEARDOWN } stage;
    const uint32_t *needs; /* checks that lend their captures and cookies, as indices */
    size_t needs_n;
    bool lends; /* some check needs it */
    struct suite_uses uses;
    uint32_t rows_n;          /* at least 1 */
    const uint32_t *row_list; /* which of all combinations they are; NULL: all, in order */
    uint32_t slots_n;         /* captured values */
    const char *const *slots; /* their names */
};

struct suite_column {
    const char *name;
    const struct doc_node *at;
    const char *const *values;
    size_t values_n;
    uint32_t group; /* columns of one CSV file have one, and vary together */
};

struct suite_var {
    const char *name;
    struct suite_text value;
    const char *given; /* by the command line: used as it is instead of value */
    struct suite_uses uses;
};

struct suite {
    const char *path; /* as shown in messages */
    const char *dir;  /* relative files are looked up here; "" for the working directory */
    struct suite_text base_url; /* text NULL: none */
    struct suite_uses base_uses;
    const struct suite_var *vars;
    size_t vars_n;
    struct secret_spec *secrets; /* in the file's order */
    const char **secret_keys;    /* under which name suite_secrets_load() put each */
    size_t secrets_n;
    const struct suite_column *columns;
    size_t columns_n;
    const struct suite_check *checks;
    size_t checks_n;

    struct arena mem;
    struct arena doc_mem; /* suite_load()'s document; empty for an inline suite */
    json_t *held;         /* owns every fixed JSON value */
    struct regex **regexes;
    size_t regexes_n, regexes_cap;
};

struct suite_given { /* --var NAME=VALUE */
    const char *name;
    const char *value;
    bool used; /* set when a suite declares that variable */
};

/* What the command line says; a zeroed struct says nothing. */
struct suite_options {
    const char *base_url; /* replaces the file's */
    struct suite_given *given;
    size_t given_n;
    struct schema_sink *sink; /* takes every error, not only the first; NULL: none */
};

/* Reads and compiles a file ("-" is standard input). ERR_FILE with place, line and caret. Clear the
 * suite also after a failure. options may be NULL. */
bool suite_load(struct suite *suite, const char *path, const struct suite_options *options,
                struct err *err) SL_MUST_CHECK;

/* As suite_load() for a suite that stands inside another document; node must outlive the suite. dir
 * is what its relative files belong to, NULL for the directory of the document's path. */
bool suite_decode(struct suite *suite, const struct doc_node *node, const char *dir,
                  const struct suite_options *options, struct err *err) SL_MUST_CHECK;

void suite_clear(struct suite *suite);

/* The same suite with another base_url. out borrows all of from, and is never cleared. ERR_USAGE: the
 * url is none. */
bool suite_rebase(struct suite *out, struct suite *from, const char *base_url,
                  struct err *err) SL_MUST_CHECK;

/* Loads into set the secrets that the n suites' checks use (all of a suite's: used[i] NULL, else
 * only those of checks with used[i][check] true; used itself may be NULL). Two suites may have a
 * secret of one name. */
bool suite_secrets_load(struct suite *const *suites, const bool *const *used, size_t n,
                        struct secret_set *set, struct err *err) SL_MUST_CHECK;

/* The value of column (index) in a check's row; NULL when the check does not use it. */
const char *suite_column_value(const struct suite *suite, const struct suite_check *check,
                               uint32_t row, size_t column);

/* The row of `to` that has the same values as row of `from`, which uses at least its columns. */
uint32_t suite_row_of(const struct suite *suite, const struct suite_check *from, uint32_t row,
                      const struct suite_check *to);

/* The check's name with the row's values; columns its name leaves out follow as " (tenant=acme)".
 * Never holds a secret: names cannot use them. */
void suite_title(const struct suite *suite, const struct suite_check *check, uint32_t row,
                 struct buf *out);

const char *suite_method_name(enum suite_method method); /* "GET" */
/* "equals", …: the key in the file. */
const char *suite_predicate_name(enum suite_predicate_op op);

/* The JSON Schema of a suite file. The caller owns the result. */
json_t *suite_schema_json(void);

#endif
