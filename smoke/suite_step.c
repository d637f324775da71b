/* suite_step.c: compiles checks and their steps. */
#include <string.h>

#include "sluice/json.h"
#include "sluice/text.h"
#include "suite_file.h"

#define EVERY_READ_MS   1000
#define EVERY_WRITE_MS  30000
#define EVERY_SIGNED_MS 60000

/* ---- captures and steps
 * ---------------------------------------------------------------------------- */

static bool name_taken(const struct suite_builder *b, const char *name)
{
    static const char *const builtin[] = {"side", "run", "uuid", "now"};

    for (size_t i = 0; i < ARRAY_LEN(builtin); i++)
        if (strcmp(name, builtin[i]) == 0)
            return true;
    for (size_t i = 0; i < b->suite->vars_n; i++)
        if (strcmp(name, b->suite->vars[i].name) == 0)
            return true;
    for (size_t i = 0; i < b->suite->columns_n; i++)
        if (strcmp(name, b->suite->columns[i].name) == 0)
            return true;
    return false;
}

/* A later step may capture a name again: it gets the same slot. */
static uint32_t slot_of(const char **slots, size_t *n, const char *name)
{
    for (size_t i = 0; i < *n; i++)
        if (strcmp(slots[i], name) == 0)
            return (uint32_t)i;
    slots[*n] = name;
    return (uint32_t)(*n)++;
}

static bool build_capture(struct suite_builder *b, const struct file_capture *file,
                          struct suite_capture *out)
{
    struct err why = {0};

    out->name = file->name;
    out->at = file->at;
    if (!suite_name_ok(file->name))
        return doc_fail(file->at, b->err, ERR_FILE,
                        "'%.80s' cannot be the name of a captured value: "
                        "letters, digits, '_' and '-', beginning with a letter",
                        file->name);
    if (name_taken(b, file->name))
        return doc_fail(file->at, b->err, ERR_FILE, "'%s' is the name of something else already",
                        file->name);
    if (file->json) {
        out->kind = SUITE_CAPTURE_JSON;
        out->from = file->json;
        if (!json_pointer_check(file->json, &why))
            return doc_fail(file->json_at, b->err, ERR_FILE, "%s", why.text);
        return true;
    }
    if (file->header) {
        out->kind = SUITE_CAPTURE_HEADER;
        out->from = file->header;
        return true;
    }
    if (file->cookie) {
        out->kind = SUITE_CAPTURE_COOKIE;
        out->from = file->cookie;
        return true;
    }
    if (file->status || file->certificate_at) {
        out->kind = file->status ? SUITE_CAPTURE_STATUS : SUITE_CAPTURE_CERTIFICATE;
        out->field = (enum suite_cert_field)file->certificate;
        return true;
    }
    out->kind = SUITE_CAPTURE_REGEX;
    out->from = file->regex;
    out->regex = suite_build_regex(b, file->regex_at);
    return out->regex != NULL;
}

static const struct suite_status switching[] = {{101, 101}};

static bool build_kind(struct suite_builder *b, const struct file_step *file,
                       struct suite_step *out)
{
    if (file->mcp)
        return suite_build_mcp(b, file->mcp, out);
    if (file->websocket)
        return suite_build_websocket(b, file->websocket, out);
    return suite_build_request(b, file->request, &out->request);
}

/* What a kind of step can be expected to give. */
static bool check_kind(struct suite_builder *b, const struct file_step *file,
                       struct suite_step *out)
{
    if (file->websocket && !out->expect.status_at) {
        out->expect.status = switching;
        out->expect.status_n = ARRAY_LEN(switching);
    }
    if (!out->expect.stream || !(file->mcp || file->websocket || out->request.rejects_at))
        return true;
    if (!file->expect || !(file->expect->sse || file->expect->json_lines)) {
        out->expect.stream = NULL; /* it is the defaults' */
        return true;
    }
    return doc_fail(out->expect.stream->at, b->err, ERR_FILE,
                    "'sse' and 'json_lines' are for the answers of plain requests");
}

static bool build_step(struct suite_builder *b, const struct file_step *file, const char **slots,
                       struct suite_step *out)
{
    struct suite_capture *captures =
        arena_array(&b->suite->mem, file->captures_n + 1, sizeof *captures);
    size_t n = b->slots_n;

    if (!build_kind(b, file, out) ||
        !suite_build_expect(b, file->expect, b->file->defaults.expect, &out->expect) ||
        !check_kind(b, file, out))
        return false;
    for (size_t i = 0; i < file->captures_n; i++) {
        if (!build_capture(b, &file->captures[i], &captures[i]))
            return false;
        if (n == SUITE_CAPTURES_MAX)
            return doc_fail(captures[i].at, b->err, ERR_FILE, "more than %d captured values",
                            SUITE_CAPTURES_MAX);
        captures[i].slot = slot_of(slots, &n, captures[i].name);
    }
    if (file->until) {
        out->until_ms = file->until->within_ms;
        out->until_every_ms = file->until->every_ms;
        out->until_backoff = file->until->backoff;
    }
    out->captures = captures;
    out->captures_n = file->captures_n;
    out->other = file->side == 1;
    b->slots_n = n; /* for the steps after this one */
    return true;
}

/* ---- checks
 * ---------------------------------------------------------------------------------------- */

static int64_t least_every(const struct suite_check *check)
{
    int64_t every = EVERY_READ_MS;

    for (size_t i = 0; i < check->steps_n; i++) {
        const struct suite_request *r = &check->steps[i].request;
        int64_t own = r->sign.scheme != SUITE_SIGN_NONE || check->steps[i].expect.stream
                          ? EVERY_SIGNED_MS
                      : r->method == SUITE_GET || r->method == SUITE_HEAD ? EVERY_READ_MS
                                                                          : EVERY_WRITE_MS;

        if (own > every)
            every = own;
    }
    return every;
}

static bool build_steps(struct suite_builder *b, const struct file_check *file,
                        struct suite_check *out)
{
    const struct file_step *from = file->steps ? file->steps : &file->step;
    size_t own = file->steps ? file->steps_n : 1, n = own + file->finally_n;
    struct suite_step *steps = arena_array(&b->suite->mem, n, sizeof *steps);
    const char **slots = arena_array(&b->suite->mem, SUITE_CAPTURES_MAX, sizeof *slots);

    b->slots = slots;
    b->slots_n = 0;
    if (!suite_take_lent(b, out, slots, &b->slots_n))
        return false;
    out->reads_only = true;
    for (size_t i = 0; i < n; i++) {
        if (!build_step(b, i < own ? &from[i] : &file->finally_steps[i - own], slots, &steps[i]))
            return false;
        out->crosses |= steps[i].other;
        out->reads_only &=
            steps[i].request.method == SUITE_GET || steps[i].request.method == SUITE_HEAD;
    }
    if (n > SUITE_STEPS_MAX)
        return doc_fail(file->finally_at, b->err, ERR_FILE, "more than %d steps in all",
                        SUITE_STEPS_MAX);
    out->steps = steps;
    out->steps_n = n;
    out->finally_at = own;
    out->slots = slots;
    out->slots_n = (uint32_t)b->slots_n;
    return true;
}

/* What asks both sides shows a session that begins on the one and goes on on the other. */
static bool check_crossing(struct suite_builder *b, const struct file_check *file,
                           const struct suite_check *out)
{
    if (!out->crosses)
        return true;
    if (out->via_dns)
        return doc_fail(file->at, b->err, ERR_FILE,
                        "'side: other' and 'via: dns' exclude each other");
    if (out->stage != SUITE_MAIN)
        return doc_fail(file->at, b->err, ERR_FILE, "'side: other' is for checks under 'checks'");
    return !out->steps[0].other || out->needs_n > 0 ||
           doc_fail(file->steps ? file->steps[0].side_at : file->step.side_at, b->err, ERR_FILE,
                    "a check that begins on the other side has nothing to show there: let it sign "
                    "in on its own first, or need a check that does");
}

static bool count_rows(struct suite_builder *b, struct suite_check *out)
{
    uint32_t last = UINT32_MAX; /* columns of one group make rows together */
    uint64_t rows = 1;

    for (size_t i = 0; i < b->suite->columns_n; i++)
        if (out->uses.columns >> i & 1 && b->suite->columns[i].group != last) {
            last = b->suite->columns[i].group;
            rows *= b->suite->columns[i].values_n;
            if (rows > SUITE_ROWS_MAX)
                return doc_fail(out->at, b->err, ERR_FILE,
                                "the columns this check uses make more than %d rows",
                                SUITE_ROWS_MAX);
        }
    out->rows_n = (uint32_t)rows;
    return true;
}

bool suite_build_check(struct suite_builder *b, const struct file_check *file,
                       struct suite_check *out)
{
    const struct file_defaults *defaults = &b->file->defaults;
    const struct file_retries *retries = file->retries ? file->retries : defaults->retries;

    b->uses = &out->uses;
    b->slots = NULL;
    b->slots_n = 0;
    out->at = file->at;
    out->name = file->name;
    b->names_only = true;
    if (!suite_build_text(b, &out->name))
        return false;
    b->names_only = false;
    out->tags = file->tags;
    out->tags_n = file->tags_n;
    for (size_t s = 0; s < SUITE_SIDES; s++)
        out->sides[s] = !file->sides_at || file->sides[s];
    out->from_percent = (uint8_t)(file->from_ppm / 10000);
    out->required = file->severity == 0;
    out->known_bad = file->known_bad;
    out->no_jar = file->cookies == 1;
    out->via_dns = file->via == 1;
    out->pin = file->pin;
    out->pin_at = file->pin_at;
    if (out->via_dns && out->pin)
        return doc_fail(file->pin_at, b->err, ERR_FILE, "'pin' and 'via: dns' exclude each other");
    if (retries) {
        out->retries = retries->times;
        out->retry_ms = retries->delay_ms;
        out->retry_growth_percent = (uint32_t)(retries->backoff * 100 + 0.5);
        out->retry_jitter_percent = retries->jitter_ppm / 10000;
        out->retry_network = retries->on == 1;
    }
    if (!build_steps(b, file, out) || !check_crossing(b, file, out))
        return false;
    out->every_ms = file->every_ms       ? file->every_ms
                    : defaults->every_ms ? defaults->every_ms
                                         : least_every(out);
    return count_rows(b, out) && (!file->rows || suite_filter_rows(b, file->rows, out));
}
