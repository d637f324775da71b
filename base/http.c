#include "sluice/http.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "config.h"
#include "http_internal.h"
#include "sluice/clock.h"
#include "sluice/text.h"

#define CONNECTIONS_DEFAULT 256
#define WAIT_MS_MAX         (24 * 3600 * 1000)

_Static_assert(CURL_WAIT_POLLIN == POLLIN && CURL_WAIT_POLLPRI == POLLPRI &&
                   CURL_WAIT_POLLOUT == POLLOUT,
               "events are passed on as they are");

struct list {
    struct http_transfer *head, *tail;
    size_t n;
};

struct http {
    CURLM *multi;
    struct http_config config;
    struct list pool, active, finished;
    uint64_t last_id;
    bool dirty; /* something was started since libcurl last moved */
    struct curl_waitfd *waitfds;
    size_t waitfds_cap;
};

static void list_append(struct list *l, struct http_transfer *t)
{
    t->next = NULL;
    t->prev = l->tail;
    if (l->tail)
        l->tail->next = t;
    else
        l->head = t;
    l->tail = t;
    l->n++;
}

static void list_remove(struct list *l, struct http_transfer *t)
{
    if (t->prev)
        t->prev->next = t->next;
    else
        l->head = t->next;
    if (t->next)
        t->next->prev = t->prev;
    else
        l->tail = t->prev;
    t->next = t->prev = NULL;
    l->n--;
}

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;
static CURLcode curl_started = CURLE_FAILED_INIT;

static void start_curl(void)
{
    curl_started = curl_global_init(CURL_GLOBAL_DEFAULT);
}

struct http *http_new(const struct http_config *config, struct err *err)
{
    struct http *http;
    CURLM *multi;
    size_t n = config->connections_max ? config->connections_max : CONNECTIONS_DEFAULT;

    pthread_once(&curl_once, start_curl);
    multi = curl_started == CURLE_OK ? curl_multi_init() : NULL;
    if (!multi) {
        err_set(err, ERR_IO, "libcurl does not start: %s", curl_easy_strerror(curl_started));
        return NULL;
    }
    http = x_zalloc(sizeof *http);
    http->multi = multi;
    http->config = *config;
    /* OpenSSL's own convention, which curl's command keeps too: a private authority needs no
     * option. */
    if (!http->config.ca_file && getenv("SSL_CERT_FILE") && *getenv("SSL_CERT_FILE"))
        http->config.ca_file = getenv("SSL_CERT_FILE");
    if (!http->config.user_agent)
        http->config.user_agent = "sluice/" PACKAGE_VERSION;
    /* No limit of connections a host: libcurl would count the wait for one as the transfer's time.
     */
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)n);
    return http;
}

static struct http_transfer *transfer_new(struct http *http)
{
    struct http_transfer *t = x_zalloc(sizeof *t);

    t->http = http;
    t->easy = curl_easy_init();
    if (!t->easy) {
        fputs("sluice: out of memory\n", stderr);
        abort();
    }
    return t;
}

/* What the request lent to libcurl; the response stays. */
static void detach(struct http_transfer *t)
{
    if (t->in_multi)
        curl_multi_remove_handle(t->http->multi, t->easy);
    t->in_multi = false;
    http_transfer_unload(t);
}

static void transfer_free(struct http_transfer *t)
{
    detach(t);
    curl_easy_cleanup(t->easy);
    http_response_clear(&t->response);
    free(t);
}

static void list_free(struct list *l)
{
    while (l->head) {
        struct http_transfer *t = l->head;

        list_remove(l, t);
        transfer_free(t);
    }
}

void http_free(struct http *http)
{
    if (!http)
        return;
    list_free(&http->active);
    list_free(&http->finished);
    list_free(&http->pool);
    curl_multi_cleanup(http->multi);
    free(http->waitfds);
    free(http);
}

void http_prepare(struct http *http, size_t n)
{
    while (http->pool.n < n)
        list_append(&http->pool, transfer_new(http));
}

static void finish(struct http_transfer *t)
{
    detach(t);
    list_remove(&t->http->active, t);
    list_append(&t->http->finished, t);
}

/* A transfer from the pool as good as new, whatever it carried before. */
static struct http_transfer *take_transfer(struct http *http)
{
    struct http_transfer *t;
    struct http_told told;
    CURL *easy;

    http_prepare(http, 1);
    t = http->pool.head;
    list_remove(&http->pool, t);
    easy = t->easy;
    told = t->told;
    memset(t, 0, sizeof *t);
    t->easy = easy;
    t->told = told;
    t->http = http;
    t->config = &http->config;
    return t;
}

uint64_t http_start(struct http *http, const struct http_request *q, void *ctx)
{
    struct http_transfer *t = take_transfer(http);
    CURLMcode code;

    t->id = ++http->last_id;
    t->ctx = ctx;
    t->started_us = clock_boot_us();
    list_append(&http->active, t);
    if (!http_transfer_load(t, q)) {
        finish(t);
        return t->id;
    }
    code = curl_multi_add_handle(http->multi, t->easy);
    if (code != CURLM_OK) {
        http_transfer_say(t, HTTP_INVALID, "libcurl: %s", curl_multi_strerror(code));
        finish(t);
        return t->id;
    }
    t->in_multi = true;
    http->dirty = true;
    return t->id;
}

bool http_begun(const struct http *http, uint64_t id)
{
    for (const struct http_transfer *t = http->active.head; t; t = t->next)
        if (t->id == id)
            return t->header_bytes > 0;
    return false;
}

void http_cancel(struct http *http, uint64_t id)
{
    struct http_transfer *t;

    for (t = http->active.head; t; t = t->next)
        if (t->id == id) {
            http_transfer_say(t, HTTP_CANCELLED, "cancelled");
            t->response.timing.done_at_us = clock_boot_us();
            finish(t);
            return;
        }
}

size_t http_active(const struct http *http)
{
    return http->active.n + http->finished.n;
}

/* -- the loop ---------------------------------------------------------------------------------- */

#define RENEWALS_MAX 4 /* others may have filled the new connection meanwhile */

/* A connection that the server is giving up (GOAWAY after its last stream) makes libcurl try again
 * on it, five times within microseconds, before it says that it died. The server has looked at none
 * of these requests: a try on a new connection is what libcurl itself would have wanted. */
static bool renew(struct http_transfer *t, CURLcode result)
{
    long connects = 1;

    if (t->once || t->renewed == RENEWALS_MAX || t->header_bytes)
        return false;
    curl_easy_getinfo(t->easy, CURLINFO_NUM_CONNECTS, &connects);
    if (!(result == CURLE_SEND_ERROR && strstr(t->error, "Connection died")) &&
        !(result == CURLE_HTTP2 && connects == 0))
        return false;
    t->renewed++;
    t->sent = false;
    t->error[0] = '\0';
    curl_multi_remove_handle(t->http->multi, t->easy);
    curl_easy_setopt(t->easy, CURLOPT_FRESH_CONNECT, 1L);
    t->told.longs[HTTP_LONG_FRESH] = 1;
    return curl_multi_add_handle(t->http->multi, t->easy) == CURLM_OK;
}

static bool move(struct http *http, struct err *err)
{
    CURLMsg *msg;
    CURLMcode code;
    int running, left;

    http->dirty = false;
    code = curl_multi_perform(http->multi, &running);
    if (code != CURLM_OK)
        return err_set(err, ERR_IO, "libcurl: %s", curl_multi_strerror(code));
    while ((msg = curl_multi_info_read(http->multi, &left))) {
        struct http_transfer *t = NULL;
        CURLcode result = msg->data.result; /* msg dies with the removal */

        if (msg->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, (char **)&t);
        if (renew(t, result)) {
            http->dirty = true;
            continue;
        }
        http_transfer_judge(t, result);
        finish(t);
    }
    return true;
}

static size_t copy_fds(struct http *http, const struct pollfd *extra, size_t n)
{
    size_t i, used = 0;

    if (n > http->waitfds_cap) {
        http->waitfds = x_realloc(http->waitfds, n, sizeof *http->waitfds);
        http->waitfds_cap = n;
    }
    for (i = 0; i < n; i++)
        if (extra[i].fd >= 0)
            http->waitfds[used++] =
                (struct curl_waitfd){.fd = extra[i].fd, .events = extra[i].events};
    return used;
}

bool http_wait(struct http *http, struct pollfd *extra, size_t n, int timeout_ms, struct err *err)
{
    CURLMcode code;
    size_t i, used;

    if (timeout_ms < 0 || timeout_ms > WAIT_MS_MAX)
        timeout_ms = WAIT_MS_MAX;
    if (http->dirty && !move(http, err))
        return false;
    used = copy_fds(http, extra, n);
    if (!http->finished.n) { /* else all have been moved just now, or will be by the next call */
        errno = 0;
        code = curl_multi_poll(http->multi, http->waitfds, (unsigned int)used,
                               clock_poll_ms(timeout_ms), NULL);
        if (code != CURLM_OK && errno != EINTR)
            return err_set(err, ERR_IO, "libcurl cannot wait: %s", curl_multi_strerror(code));
        if (!move(http, err))
            return false;
    }
    /* Asked again: libcurl does not tell of POLLHUP alone, which is how a pipe ends. */
    for (i = 0; i < n; i++)
        extra[i].revents = 0;
    if (used && poll(extra, (nfds_t)n, 0) < 0 && errno != EINTR)
        return err_set(err, ERR_IO, "poll: %s", strerror(errno));
    return true;
}

bool http_next(struct http *http, struct http_done *out)
{
    struct http_transfer *t = http->finished.head;

    if (!t)
        return false;
    list_remove(&http->finished, t);
    out->id = t->id;
    out->ctx = t->ctx;
    out->response = t->response;
    memset(&t->response, 0, sizeof t->response);
    list_append(&http->pool, t);
    return true;
}

void http_response_clear(struct http_response *r)
{
    http_response_drop_fields(r);
    buf_clear(&r->body);
    crypto_cert_clear(&r->certificate);
    memset(r, 0, sizeof *r);
}

const char *http_response_find(const struct http_response *r, const char *name)
{
    size_t i;

    for (i = 0; i < r->fields_n; i++)
        if (text_eq_nocase(r->fields[i].name, name))
            return r->fields[i].value;
    return NULL;
}
