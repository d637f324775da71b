#include "handshake.h"

#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sluice/clock.h"
#include "sluice/file.h"
#include "sluice/log.h"
#include "sluice/text.h"

#define FILE_NAME  "handshakes.json"
#define FILE_MAX   ((size_t)256 * 1024)
#define SAID_FROM  20 /* so many handshakes take long enough to be announced */
#define REASON_MAX 300
#define SILENT_MAX 64
#define TURN_MS    1000

struct shake { /* in the rig's memory */
    const char *host, *connect_to, *ca_file, *cert_file, *key_file;
    uint16_t port;
};

struct round {
    struct walk *w;
    struct shake *list;
    size_t n, cap;
    const char *silent[SILENT_MAX]; /* endpoints that take no connection: once is enough */
    size_t n_silent;
    json_t *kept; /* host -> {"at", "to", "reason"} */
    bool changed;
};

static bool collect(void *ctx, const struct pump_origin *o)
{
    struct round *r = ctx;
    struct arena *mem = &r->w->rig.mem;

    if (r->n == r->cap) {
        r->cap = r->cap ? 2 * r->cap : 64;
        r->list = x_realloc(r->list, r->cap, sizeof *r->list);
    }
    /* the files' names are the suite's, which outlives us */
    r->list[r->n++] = (struct shake){.host = arena_strdup(mem, o->host),
                                     .connect_to = arena_strdup(mem, o->connect_to),
                                     .ca_file = o->ca_file,
                                     .cert_file = o->cert_file,
                                     .key_file = o->key_file,
                                     .port = o->port};
    return true;
}

/* ---- What is remembered
 * ---------------------------------------------------------------------------- */

static int64_t now_s(void)
{
    return clock_wall_ms(&clock_real) / 1000;
}

/* The directory of an acting command is open; another's is looked for, and made only to write. */
static int state_dir(const struct walk *w, bool make, struct err *err)
{
    struct buf path SL_CLEANUP(buf_clear) = {0};

    if (w->state_fd >= 0)
        return fcntl(w->state_fd, F_DUPFD_CLOEXEC, 0);
    if (!opts_state_dir(w->rig.opts, &path, err) || (!make && access(buf_str(&path), F_OK) < 0))
        return -1;
    return file_open_dir(buf_str(&path), err);
}

/* A clock that was set back makes "an hour ago" a time to come: such an entry is as good as none.
 */
static bool still_holds(const json_t *entry)
{
    int64_t age = now_s() - json_integer_value(json_object_get(entry, "at"));

    return age >= -HANDSHAKE_PAUSE_S && age < HANDSHAKE_PAUSE_S &&
           json_is_string(json_object_get(entry, "reason")) &&
           json_is_string(json_object_get(entry, "to"));
}

/* What cannot be read is not remembered. */
static void recall(struct round *r)
{
    struct buf text SL_CLEANUP(buf_clear) = {0};
    struct err ignored = {0};
    int fd SL_CLEANUP(file_close) = state_dir(r->w, false, &ignored);
    json_t *doc = NULL, *failed, *entry;
    const char *host;

    r->kept = json_object();
    if (fd >= 0 && file_read_at(&text, fd, FILE_NAME, FILE_MAX, &ignored))
        doc = json_loadb(buf_str(&text), text.len, JSON_REJECT_DUPLICATES, NULL);
    failed = json_object_get(doc, "failed");
    json_object_foreach(failed, host, entry)
    {
        if (still_holds(entry))
            json_object_set(r->kept, host, entry);
    }
    json_decref(doc);
}

static void drop_oldest(json_t *kept)
{
    const char *host, *oldest = NULL;
    int64_t at = INT64_MAX;
    json_t *entry;

    json_object_foreach(kept, host, entry)
    {
        int64_t its = json_integer_value(json_object_get(entry, "at"));

        if (its < at) {
            at = its;
            oldest = host;
        }
    }
    if (oldest)
        json_object_del(kept, oldest);
}

static void remember(struct round *r)
{
    struct err why = {0};
    int fd SL_CLEANUP(file_close) = -1;
    json_t *doc;
    char *text;

    if (!r->changed)
        return;
    while (json_object_size(r->kept) > HANDSHAKE_KEPT_MAX)
        drop_oldest(r->kept);
    doc = json_pack("{s:i, s:O}", "version", 1, "failed", r->kept);
    text = json_dumps(doc, JSON_COMPACT | JSON_SORT_KEYS);
    fd = state_dir(r->w, true, &why);
    if (fd < 0 || !file_replace(fd, FILE_NAME, text, strlen(text), &why))
        log_warn("that a handshake failed is not remembered: %s", why.text);
    free(text);
    json_decref(doc);
}

/* ---- Shaking hands
 * --------------------------------------------------------------------------------- */

static bool wait_for(struct walk *w, uint64_t id, struct http_response *out, struct err *err)
{
    struct http_done done;

    for (;;) {
        if (!http_wait(w->rig.http, NULL, 0, TURN_MS, err)) {
            http_cancel(w->rig.http, id);
            return false;
        }
        while (http_next(w->rig.http, &done)) {
            if (done.id == id) {
                *out = done.response;
                return true;
            }
            rig_http(&w->rig, &done, clock_boot_ms(&clock_real));
        }
    }
}

static bool shake(struct walk *w, const struct shake *s, struct http_response *out, struct err *err)
{
    struct buf url SL_CLEANUP(buf_clear) = {0};
    struct http_request q = {.connect_to = s->connect_to,
                             .ca_file = s->ca_file,
                             .cert_file = s->cert_file,
                             .key_file = s->key_file,
                             .connect_ms = HANDSHAKE_MS,
                             .total_ms = HANDSHAKE_MS,
                             .certificate = true,
                             .handshake = true};

    buf_addf(&url, "https://%s:%u/", s->host, s->port);
    q.url = buf_str(&url);
    return wait_for(w, http_start(w->rig.http, &q, NULL), out, err);
}

/* TLS was begun and did not come about: whether by a bad certificate, an alert or silence. */
static bool tls_failed(const struct http_response *a)
{
    switch (a->outcome) {
    case HTTP_TLS_UNTRUSTED:
    case HTTP_TLS_EXPIRED:
    case HTTP_TLS_NAME:
    case HTTP_TLS_HANDSHAKE:
        return true;
    case HTTP_CONNECT_TIMEOUT:
    case HTTP_TIMEOUT:
    case HTTP_RESET:
        return a->remote[0] != '\0';
    default:
        return false;
    }
}

static bool is_silent(const struct round *r, const struct shake *s)
{
    for (size_t i = 0; i < r->n_silent; i++)
        if (strcmp(r->silent[i], s->connect_to) == 0)
            return true;
    return false;
}

static void add_end(struct round *r, const struct shake *s, const struct crypto_cert *c)
{
    struct lint_facts *f = &r->w->facts;

    if (c->sha256[0])
        f->shakes[f->n_shakes++] = (struct lint_shake){.host = s->host,
                                                       .at = s->connect_to,
                                                       .begins_ms = c->not_before_ms,
                                                       .ends_ms = c->not_after_ms,
                                                       .chain_ends_ms = c->chain_ends_ms};
}

static void add_failed(struct round *r, const char *host, const char *to, const char *reason,
                       int64_t at_s, bool remembered)
{
    struct arena *mem = &r->w->rig.mem;
    struct buf safe SL_CLEANUP(buf_clear) = {0};

    text_add_safe(&safe, reason, strlen(reason), REASON_MAX);
    r->w->facts.shake_failed = (struct lint_shake_failed){.host = arena_strdup(mem, host),
                                                          .at = arena_strdup(mem, to),
                                                          .reason = arena_strdup(mem, safe.data),
                                                          .wall_s = at_s,
                                                          .remembered = remembered};
}

/* True when one of the names failed within the hour. */
static bool failed_before(struct round *r)
{
    for (size_t i = 0; i < r->n && !r->w->rig.opts->retry_certificates; i++) {
        const json_t *entry = json_object_get(r->kept, r->list[i].host);

        if (!entry)
            continue;
        add_failed(r, r->list[i].host, json_string_value(json_object_get(entry, "to")),
                   json_string_value(json_object_get(entry, "reason")),
                   json_integer_value(json_object_get(entry, "at")), true);
        return true;
    }
    return false;
}

/* What one handshake came to; false: it failed, and it was the last. */
static bool take(struct round *r, const struct shake *s, const struct http_response *a)
{
    if (tls_failed(a)) {
        add_failed(r, s->host, s->connect_to, a->reason, now_s(), false);
        json_object_set_new(r->kept, s->host,
                            json_pack("{s:I, s:s, s:s}", "at", (json_int_t)now_s(), "to",
                                      s->connect_to, "reason", r->w->facts.shake_failed.reason));
        r->changed = true;
        return false;
    }
    if (a->outcome == HTTP_OK) {
        r->changed |= json_object_del(r->kept, s->host) == 0;
        add_end(r, s, &a->certificate);
    } else if (r->n_silent < SILENT_MAX) {
        r->silent[r->n_silent++] = s->connect_to;
    }
    return true;
}

static bool go_round(struct round *r, struct err *err)
{
    for (size_t i = 0; i < r->n; i++) {
        struct http_response a = {0};
        bool go_on;

        if (is_silent(r, &r->list[i]))
            continue;
        if (!shake(r->w, &r->list[i], &a, err))
            return false;
        go_on = take(r, &r->list[i], &a);
        http_response_clear(&a);
        if (!go_on)
            break;
    }
    return true;
}

bool handshake_all(struct walk *w, struct err *err)
{
    struct round r = {.w = w};
    struct lint_facts *f = &w->facts;
    bool ok = true;

    pump_origins(w->pump, SUITE_NEW, collect, &r);
    f->shakes = arena_array(&w->rig.mem, r.n ? r.n : 1, sizeof *f->shakes);
    f->n_shakes = 0;
    recall(&r);
    if (r.n && !failed_before(&r)) {
        if (r.n >= SAID_FROM)
            log_info("%zu TLS handshakes with the new side, one after another", r.n);
        ok = go_round(&r, err);
        remember(&r);
    }
    f->now_ms = clock_wall_ms(&clock_real);
    lint_eval(&w->survey, &w->rig.plan, f, LINT_HANDSHAKES);
    json_decref(r.kept);
    free(r.list);
    return ok;
}
