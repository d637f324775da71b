/* cmd_init.c: `smoke init`. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"
#include "draft.h"
#include "sluice/file.h"
#include "sluice/text.h"

#define INIT_TIMEOUT_MS 10000
#define INIT_BODY_KEEP  ((size_t)256 * 1024)

/* What else is asked: kept in the suite when it answers as said. Rails, Kubernetes and others serve
 * their health there; a page that cannot exist shows whether "not found" is told from "found". */
static const struct place {
    const char *name, *path;
    uint16_t status;
} places[] = {
    {"health: /up", "/up", 200},
    {"health: /healthz", "/healthz", 200},
    {"health: /health", "/health", 200},
    {"a page that is not there", "/smoke-no-such-page", 404},
};

static bool fetch(struct http *http, const struct opts *opts, const char *url,
                  struct http_response *out, struct err *err)
{
    struct http_request request = {.url = url,
                                   .certificate = true,
                                   .body_keep = INIT_BODY_KEEP,
                                   .total_ms = opts->timeout_ms ? (uint32_t)opts->timeout_ms
                                                                : INIT_TIMEOUT_MS};
    struct http_done done;

    http_start(http, &request, NULL);
    while (!http_next(http, &done))
        if (!http_wait(http, NULL, 0, -1, err))
            return false;
    *out = done.response;
    return true;
}

static bool answers_well(const char *url, const struct http_response *r, struct err *err)
{
    if (r->outcome != HTTP_OK)
        return err_set(err, ERR_REFUSED, "%s: %s", url, r->reason);
    if (r->status >= 400)
        return err_set(err, ERR_REFUSED,
                       "%s answers with status %u: a first suite wants a page that works", url,
                       r->status);
    return true;
}

/* The pages found; names and paths are static, but for the first. */
static bool visit(struct http *http, const struct opts *opts, const char *base, const char *path,
                  struct buf *out, struct err *err)
{
    struct http_response answers[ARRAY_LEN(places) + 1] = {0};
    struct draft_page pages[ARRAY_LEN(places) + 1] = {{.name = "the page itself", .path = path}};
    struct buf full SL_CLEANUP(buf_clear) = {0};
    size_t n = 1;
    bool ok;

    buf_addf(&full, "%s%s", base, path);
    ok = fetch(http, opts, buf_str(&full), &answers[0], err) &&
         answers_well(buf_str(&full), &answers[0], err);
    pages[0].response = &answers[0];
    for (size_t i = 0; ok && i < ARRAY_LEN(places); i++) {
        if (strcmp(places[i].path, path) == 0)
            continue;
        buf_reset(&full);
        buf_addf(&full, "%s%s", base, places[i].path);
        ok = fetch(http, opts, buf_str(&full), &answers[n], err);
        if (ok && answers[n].outcome == HTTP_OK && answers[n].status == places[i].status) {
            pages[n] = (struct draft_page){places[i].name, places[i].path, &answers[n]};
            n++;
        } else {
            http_response_clear(&answers[n]);
        }
    }
    if (ok) {
        draft_pages(out, base, pages, n, clock_wall_ms(&clock_real));
        ok = draft_check(out, err);
    }
    for (size_t i = 0; i < n; i++)
        http_response_clear(&answers[i]);
    return ok;
}

static bool draft_url(const struct opts *opts, const char *text, struct buf *out, struct err *err)
{
    struct http_config config = {.ca_file = opts->cacert, .user_agent = "smoke"};
    struct http_url url = {0};
    struct buf base SL_CLEANUP(buf_clear) = {0}, path SL_CLEANUP(buf_clear) = {0};
    struct err why = {0};
    struct http *http;
    bool ok = http_url_parse(&url, text, &why);

    if (!ok) {
        http_url_clear(&url);
        return err_set(err, ERR_USAGE, "init: '%s': %s", text, why.text);
    }
    buf_addf(&base, "%s://%s", url.scheme, url.host);
    if (url.port != (strcmp(url.scheme, "https") == 0 ? 443 : 80))
        buf_addf(&base, ":%u", url.port);
    buf_addf(&path, "%s%s%s", url.path, url.query ? "?" : "", url.query ? url.query : "");
    http = http_new(&config, err);
    ok = http && visit(http, opts, buf_str(&base), buf_str(&path), out, err);
    http_free(http);
    http_url_clear(&url);
    return ok;
}

bool cmd_init(const struct opts *opts, struct err *err)
{
    const char *file = opts->words_n > 1 ? opts->words[1] : "smoke.yaml";
    struct buf out SL_CLEANUP(buf_clear) = {0};

    if (opts->words_n < 1 || opts->words_n > 2)
        return err_set(err, ERR_USAGE,
                       "init expects a url, and the file to write if it is not "
                       "smoke.yaml: smoke init https://www.example.com");
    if (opts->cacert && access(opts->cacert, R_OK) != 0)
        return err_set(err, ERR_FILE, "--cacert %s: %s", opts->cacert, strerror(errno));
    if (strcmp(file, "-") != 0 && access(file, F_OK) == 0)
        return err_set(err, ERR_USAGE,
                       "%s is there already and is not replaced; name another file: smoke init "
                       "%s FILE",
                       file, opts->words[0]);
    if (!draft_url(opts, opts->words[0], &out, err) ||
        !file_write(file, buf_str(&out), out.len, err))
        return false;
    if (strcmp(file, "-") != 0)
        log_info("%s is written; run it: smoke %s", file, file);
    return true;
}
