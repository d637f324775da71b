/* suite_file.c: the tables of a suite file. What a key means is said here and nowhere else; the
 * JSON Schema is printed from the same rows. */
#include "suite_file.h"

#include <string.h>

const char *const suite_side_names[] = {"old", "new", NULL};

/* ---- checks
 * ---------------------------------------------------------------------------------------- */

static const char *const cert_field_names[] = {"subject",   "issuer",    "sha256",
                                               "not_after", "days_left", NULL};
_Static_assert(ARRAY_LEN(cert_field_names) == SUITE_CERT_FIELD_COUNT + 1, "a word for each");

static const struct schema_field capture_fields[] = {
    {.key = "json",
     .type = SCHEMA_STRING,
     SCHEMA_TO(struct file_capture, json),
     SCHEMA_AT(struct file_capture, json_at),
     .flags = SCHEMA_EMPTY_OK,
     .max = 1024,
     .help = "the value a JSON pointer names"},
    {.key = "regex",
     .type = SCHEMA_STRING,
     SCHEMA_TO(struct file_capture, regex),
     SCHEMA_AT(struct file_capture, regex_at),
     .help = "the pattern's first group, else its match"},
    {.key = "header",
     .type = SCHEMA_STRING,
     SCHEMA_TO(struct file_capture, header),
     .flags = SCHEMA_ONE_LINE,
     .help = "the value of the first header of that name"},
    {.key = "cookie",
     .type = SCHEMA_STRING,
     SCHEMA_TO(struct file_capture, cookie),
     .flags = SCHEMA_ONE_LINE,
     .help = "the value of the cookie the answer sets"},
    {.key = "status",
     .type = SCHEMA_BOOL,
     SCHEMA_TO(struct file_capture, status),
     SCHEMA_AT(struct file_capture, status_at),
     .help = "true: the status"},
    {.key = "certificate",
     .type = SCHEMA_ENUM,
     SCHEMA_TO(struct file_capture, certificate),
     SCHEMA_AT(struct file_capture, certificate_at),
     .names = cert_field_names,
     .help = "of the server's certificate"},
};

static bool check_capture(struct schema_ctx *ctx, const struct doc_node *node, void *out)
{
    const struct file_capture *capture = out;

    if (!!capture->json + !!capture->regex + !!capture->header + !!capture->cookie +
            capture->status + !!capture->certificate_at !=
        1)
        return doc_fail(node, ctx->err, ERR_FILE,
                        "a capture needs one of 'json', 'regex', 'header', 'cookie', 'status' and "
                        "'certificate'");
    return true;
}

static const struct schema capture_schema = {
    SCHEMA_TABLE("capture", struct file_capture, capture_fields),
    SCHEMA_KEY(struct file_capture, name), SCHEMA_AT(struct file_capture, at),
    .check = check_capture};

static const struct schema_field until_fields[] = {
    {.key = "within",
     .type = SCHEMA_DURATION,
     SCHEMA_TO(struct file_until, within_ms),
     .min = 1,
     .max = 3600000,
     .flags = SCHEMA_REQUIRED,
     .help = "how long it is asked again"},
    {.key = "every",
     .type = SCHEMA_DURATION,
     SCHEMA_TO(struct file_until, every_ms),
     .min = 10,
     .max = 600000,
     .preset = "1s",
     .help = "the first pause"},
    {.key = "backoff",
     .type = SCHEMA_DOUBLE,
     SCHEMA_TO(struct file_until, backoff),
     .min = 1,
     .max = 10,
     .preset = "1",
     .help = "each pause is longer by this factor, up to 60s"},
};
static const struct schema until_schema = {SCHEMA_TABLE("until", struct file_until, until_fields),
                                           .scalar_key = "within"};

static const char *const step_side_names[] = {"own", "other", NULL};

#define STEP_ROWS(owner, prefix)                                                                   \
    {.key = "until",                                                                               \
     .type = SCHEMA_MAP_PTR,                                                                       \
     SCHEMA_TO(owner, prefix until),                                                               \
     .sub = &until_schema,                                                                         \
     .help = "asked again until its expectations hold"},                                           \
        {.key = "request",                                                                         \
         .type = SCHEMA_MAP_PTR,                                                                   \
         SCHEMA_TO(owner, prefix request),                                                         \
         .sub = &file_request_schema},                                                             \
        {.key = "mcp",                                                                             \
         .type = SCHEMA_MAP_PTR,                                                                   \
         SCHEMA_TO(owner, prefix mcp),                                                             \
         .sub = &file_mcp_schema,                                                                  \
         .help = "a visit to an MCP server, instead of a request"},                                \
        {.key = "websocket",                                                                       \
         .type = SCHEMA_MAP_PTR,                                                                   \
         SCHEMA_TO(owner, prefix websocket),                                                       \
         .sub = &file_websocket_schema,                                                            \
         .help = "the opening handshake of a WebSocket, instead of a request"},                    \
        {.key = "side",                                                                            \
         .type = SCHEMA_ENUM,                                                                      \
         SCHEMA_TO(owner, prefix side),                                                            \
         SCHEMA_AT(owner, prefix side_at),                                                         \
         .names = step_side_names,                                                                 \
         .help = "other: asked of the other side than the check's: does it take this one's "       \
                 "session?"},                                                                      \
        {.key = "expect",                                                                          \
         .type = SCHEMA_MAP_PTR,                                                                   \
         SCHEMA_TO(owner, prefix expect),                                                          \
         .sub = &file_expect_schema},                                                              \
    {                                                                                              \
        .key = "capture", .type = SCHEMA_FREE_MAP, SCHEMA_TO(owner, prefix captures),              \
        SCHEMA_COUNT(owner, prefix captures_n), .sub = &capture_schema, .max = SUITE_CAPTURES_MAX, \
        .help = "values for the templates of later steps"                                          \
    }

static const struct schema_field step_fields[] = {STEP_ROWS(struct file_step, )};

static bool one_kind(struct schema_ctx *ctx, const struct doc_node *node,
                     const struct file_step *step, const char *what)
{
    int n = !!step->request + !!step->mcp + !!step->websocket;

    if (n > 1)
        return doc_fail(node, ctx->err, ERR_FILE,
                        "a step has one of 'request', 'mcp' and 'websocket'");
    return n == 1 || doc_fail(node, ctx->err, ERR_FILE, "%s needs the key 'request'", what);
}

static bool check_step(struct schema_ctx *ctx, const struct doc_node *node, void *out)
{
    const struct file_step *step = out;

    return one_kind(ctx, node, step, "step");
}

static const struct schema step_schema = {SCHEMA_TABLE("step", struct file_step, step_fields),
                                          SCHEMA_AT(struct file_step, at), .check = check_step};

static const char *const retry_on_names[] = {"failure", "network", NULL};
static const struct schema_field retries_fields[] = {
    {.key = "times",
     .type = SCHEMA_U32,
     SCHEMA_TO(struct file_retries, times),
     .min = 0,
     .max = SUITE_RETRIES_MAX,
     .flags = SCHEMA_REQUIRED},
    {.key = "delay",
     .type = SCHEMA_DURATION,
     SCHEMA_TO(struct file_retries, delay_ms),
     .max = SUITE_RETRY_MS_MAX,
     .preset = "1s"},
    {.key = "backoff",
     .type = SCHEMA_DOUBLE,
     SCHEMA_TO(struct file_retries, backoff),
     .min = 1,
     .max = 10,
     .preset = "1",
     .help = "each delay is longer by this factor, up to 10m"},
    {.key = "jitter",
     .type = SCHEMA_PERCENT,
     SCHEMA_TO(struct file_retries, jitter_ppm),
     .help = "each delay is shorter by up to this much, at random: those that failed together do "
             "not come back together"},
    {.key = "on",
     .type = SCHEMA_ENUM,
     SCHEMA_TO(struct file_retries, on),
     .names = retry_on_names,
     .help = "network: only where no whole answer came; a wrong one is final"},
};
static const struct schema retries_schema = {
    SCHEMA_TABLE("retries", struct file_retries, retries_fields), .scalar_key = "times"};

static bool decode_sides(struct schema_ctx *ctx, const struct schema_field *field,
                         const struct doc_node *node, void *out)
{
    const struct doc_node *const *items = node->kind == DOC_LIST ? node->items : &node;
    size_t n = node->kind == DOC_LIST ? node->n : 1;
    bool *sides = out;

    (void)field;
    for (size_t i = 0; i < n; i++) {
        size_t s = 0;

        while (suite_side_names[s] &&
               (items[i]->kind != DOC_SCALAR || strcmp(suite_side_names[s], items[i]->text) != 0))
            s++;
        if (!suite_side_names[s])
            return doc_fail(items[i], ctx->err, ERR_FILE,
                            "'sides' expects old, new or a list of them");
        sides[s] = true;
    }
    return n > 0 || doc_fail(node, ctx->err, ERR_FILE, "'sides' must not be empty");
}

static const struct schema_field rows_fields[] = {
    {.key = "only",
     .type = SCHEMA_NODE,
     SCHEMA_TO(struct file_rows, only),
     .help = "by column a value or a list, * and ? as in file names: rows that match all"},
    {.key = "except",
     .type = SCHEMA_NODE,
     SCHEMA_TO(struct file_rows, except),
     .help = "the same: but not those that match all of these"},
};
static const struct schema rows_schema = {SCHEMA_TABLE("rows", struct file_rows, rows_fields)};

static const char *const cookies_names[] = {"keep", "off", NULL};
static const char *const severity_names[] = {"fail", "warn", NULL};
static const char *const via_names[] = {"pin", "dns", NULL};

static const struct schema_field check_fields[] = {
    {.key = "name",
     FILE_TEXT(struct file_check, name),
     .flags = SCHEMA_REQUIRED | SCHEMA_ONE_LINE,
     .max = 200,
     .help = "unique in the suite; may hold matrix columns"},
    {.key = "tags",
     .type = SCHEMA_STRINGS,
     SCHEMA_TO(struct file_check, tags),
     SCHEMA_COUNT(struct file_check, tags_n),
     .flags = SCHEMA_OR_ONE | SCHEMA_ONE_LINE,
     .max = 50,
     .help = "words to choose checks by: --only and --skip"},
    {.key = "every",
     .type = SCHEMA_DURATION,
     SCHEMA_TO(struct file_check, every_ms),
     .min = 100,
     .max = 86400000,
     .help = "least time between two runs of one row against one side in a ramp"},
    {.key = "steps",
     .type = SCHEMA_LIST,
     SCHEMA_TO(struct file_check, steps),
     SCHEMA_COUNT(struct file_check, steps_n),
     .sub = &step_schema,
     .min = 1,
     .max = SUITE_STEPS_MAX,
     .help = "one flow: a cookie jar and captured values in common"},
    STEP_ROWS(struct file_check, step.),
    {.key = "finally",
     .type = SCHEMA_LIST,
     SCHEMA_TO(struct file_check, finally_steps),
     SCHEMA_COUNT(struct file_check, finally_n),
     SCHEMA_AT(struct file_check, finally_at),
     .sub = &step_schema,
     .min = 1,
     .max = SUITE_STEPS_MAX,
     .help =
         "steps that run last whatever became of the others, also after Ctrl-C; one that uses a "
         "value nobody captured is left out"},
    {.key = "cookies",
     .type = SCHEMA_ENUM,
     SCHEMA_TO(struct file_check, cookies),
     .names = cookies_names,
     .help = "off: what answers set is not sent back"},
    {.key = "rows",
     .type = SCHEMA_MAP_PTR,
     SCHEMA_TO(struct file_check, rows),
     .sub = &rows_schema,
     .help = "which rows of the matrix it runs for; all unless said"},
    {.key = "sides",
     .type = SCHEMA_CUSTOM,
     SCHEMA_TO(struct file_check, sides),
     SCHEMA_AT(struct file_check, sides_at),
     .hook = decode_sides,
     .help = "old, new or both, which is the default"},
    {.key = "from",
     .type = SCHEMA_PERCENT,
     SCHEMA_TO(struct file_check, from_ppm),
     SCHEMA_AT(struct file_check, from_at),
     .help = "in a ramp, not before this step"},
    {.key = "severity",
     .type = SCHEMA_ENUM,
     SCHEMA_TO(struct file_check, severity),
     .names = severity_names,
     .help = "warn: shown, but decides nothing"},
    {.key = "via",
     .type = SCHEMA_ENUM,
     SCHEMA_TO(struct file_check, via),
     .names = via_names,
     .help = "dns: not pinned to a side, and so no evidence for either"},
    {.key = "pin",
     .type = SCHEMA_STRING,
     SCHEMA_TO(struct file_check, pin),
     SCHEMA_AT(struct file_check, pin_at),
     .flags = SCHEMA_ONE_LINE,
     .max = 255,
     .help = "the plan's record whose endpoints take requests to hosts that no record covers"},
    {.key = "retries",
     .type = SCHEMA_MAP_PTR,
     SCHEMA_TO(struct file_check, retries),
     .sub = &retries_schema,
     .help = "by the program smoke; a ramp asks again by its own rule"},
    {.key = "needs",
     .type = SCHEMA_STRINGS,
     SCHEMA_TO(struct file_check, needs),
     SCHEMA_COUNT(struct file_check, needs_n),
     SCHEMA_AT(struct file_check, needs_at),
     .flags = SCHEMA_OR_ONE | SCHEMA_ONE_LINE,
     .min = 1,
     .max = 20,
     .help = "names of checks that run before, once, and lend their captures and cookies"},
    {.key = "known_bad",
     .type = SCHEMA_BOOL,
     SCHEMA_TO(struct file_check, known_bad),
     .help = "fails on both sides today: reported, but no evidence"},
};

static bool check_check(struct schema_ctx *ctx, const struct doc_node *node, void *out)
{
    const struct file_check *check = out;
    bool one = check->step.request || check->step.mcp || check->step.websocket ||
               check->step.expect || check->step.captures || check->step.side_at;

    if (!!check->steps == one)
        return doc_fail(node, ctx->err, ERR_FILE, "a check needs either 'request' or 'steps'");
    if (one && !one_kind(ctx, node, &check->step, "check"))
        return false;
    if (check->from_at && (check->from_ppm == 0 || check->from_ppm % 10000))
        return doc_fail(check->from_at, ctx->err, ERR_FILE,
                        "'from' expects a whole percentage, 1%% to 100%%");
    return true;
}

static const struct schema check_schema = {SCHEMA_TABLE("check", struct file_check, check_fields),
                                           SCHEMA_AT(struct file_check, at), .check = check_check};

/* ---- the rest
 * -------------------------------------------------------------------------------------- */

static const struct schema_field secret_fields[] = {
    {.key = "env",
     .type = SCHEMA_STRING,
     SCHEMA_TO(struct file_secret, env),
     .flags = SCHEMA_ONE_LINE,
     .help = "the variable of the environment"},
    {.key = "file",
     .type = SCHEMA_STRING,
     SCHEMA_TO(struct file_secret, file),
     .flags = SCHEMA_ONE_LINE,
     .help = "a file, relative to this one"},
    {.key = "credential",
     .type = SCHEMA_STRING,
     SCHEMA_TO(struct file_secret, credential),
     .flags = SCHEMA_ONE_LINE,
     .help = "a systemd credential (LoadCredential=)"},
    {.key = "command",
     .type = SCHEMA_STRINGS,
     SCHEMA_TO(struct file_secret, command),
     SCHEMA_COUNT(struct file_secret, command_n),
     .min = 1,
     .max = 100,
     .help = "a program and its arguments; no shell; what it prints is the secret"},
};

static bool check_secret(struct schema_ctx *ctx, const struct doc_node *node, void *out)
{
    const struct file_secret *secret = out;

    if (!!secret->env + !!secret->file + !!secret->credential + !!secret->command != 1)
        return doc_fail(node, ctx->err, ERR_FILE,
                        "a secret needs one of 'env', 'file', 'credential' and 'command'");
    return true;
}

static const struct schema secret_schema = {
    SCHEMA_TABLE("secret", struct file_secret, secret_fields), SCHEMA_KEY(struct file_secret, name),
    SCHEMA_AT(struct file_secret, at), .check = check_secret};

static const struct schema_field defaults_fields[] = {
    FILE_TRANSPORT_ROWS(struct file_defaults),
    {.key = "every",
     .type = SCHEMA_DURATION,
     SCHEMA_TO(struct file_defaults, every_ms),
     .min = 100,
     .max = 86400000},
    {.key = "headers",
     .type = SCHEMA_FREE_MAP,
     SCHEMA_TO(struct file_defaults, headers),
     SCHEMA_COUNT(struct file_defaults, headers_n),
     .max = 100,
     .help = "sent with every request that does not name them itself"},
    {.key = "expect",
     .type = SCHEMA_MAP_PTR,
     SCHEMA_TO(struct file_defaults, expect),
     .sub = &file_expect_schema,
     .help = "each key stands for the same key of a step's `expect` that has none"},
    {.key = "retries",
     .type = SCHEMA_MAP_PTR,
     SCHEMA_TO(struct file_defaults, retries),
     .sub = &retries_schema},
};
static const struct schema defaults_schema = {
    SCHEMA_TABLE("defaults", struct file_defaults, defaults_fields)};

static const struct schema_field suite_fields[] = {
    {.key = "version",
     .type = SCHEMA_U32,
     SCHEMA_TO(struct file_suite, version),
     .min = 1,
     .max = 1,
     .flags = SCHEMA_REQUIRED,
     .help = "1"},
    {.key = "base_url",
     FILE_TEXT(struct file_suite, base_url),
     .flags = SCHEMA_ONE_LINE,
     .max = 2048,
     .help = "what paths are added to; --base-url replaces it"},
    {.key = "vars",
     .type = SCHEMA_FREE_MAP,
     SCHEMA_TO(struct file_suite, vars),
     SCHEMA_COUNT(struct file_suite, vars_n),
     .max = 200,
     .help = "texts for templates; --var replaces one; built in: side run uuid now"},
    {.key = "secrets",
     .type = SCHEMA_FREE_MAP,
     SCHEMA_TO(struct file_suite, secrets),
     SCHEMA_COUNT(struct file_suite, secrets_n),
     .sub = &secret_schema,
     .max = SUITE_SECRETS_MAX,
     .help = "used as {{secret.NAME}}, redacted wherever they would be shown"},
    {.key = "matrix",
     .type = SCHEMA_FREE_MAP,
     SCHEMA_TO(struct file_suite, matrix),
     SCHEMA_COUNT(struct file_suite, matrix_n),
     .max = SUITE_COLUMNS_MAX,
     .help = "by name a list of values, {file: one a line} or {csv: FILE}, with only and except; a "
             "check runs for every combination of those it uses"},
    {.key = "defaults",
     .type = SCHEMA_MAP,
     SCHEMA_TO(struct file_suite, defaults),
     .sub = &defaults_schema},
    {.key = "checks",
     .type = SCHEMA_LIST,
     SCHEMA_TO(struct file_suite, checks),
     SCHEMA_COUNT(struct file_suite, checks_n),
     .sub = &check_schema,
     .min = 1,
     .max = SUITE_CHECKS_MAX,
     .flags = SCHEMA_REQUIRED},
    {.key = "include",
     .type = SCHEMA_STRINGS,
     SCHEMA_TO(struct file_suite, include),
     SCHEMA_COUNT(struct file_suite, include_n),
     SCHEMA_AT(struct file_suite, include_at),
     .flags = SCHEMA_OR_ONE | SCHEMA_ONE_LINE,
     .min = 1,
     .max = SUITE_INCLUDES_MAX,
     .help = "suite files whose checks, variables, secrets and matrix stand before this one's"},
    {.key = "setup",
     .type = SCHEMA_LIST,
     SCHEMA_TO(struct file_suite, setup),
     SCHEMA_COUNT(struct file_suite, setup_n),
     .sub = &check_schema,
     .min = 1,
     .max = 50,
     .help = "checks that run once before all others, one after another, and lend them what they "
             "capture; not for plans"},
    {.key = "teardown",
     .type = SCHEMA_LIST,
     SCHEMA_TO(struct file_suite, teardown),
     SCHEMA_COUNT(struct file_suite, teardown_n),
     .sub = &check_schema,
     .min = 1,
     .max = 50,
     .help = "checks that run once after all others, whatever became of them; not for plans"},
};
const struct schema file_suite_schema = {SCHEMA_TABLE("suite", struct file_suite, suite_fields)};
