#include "credentials_keep.h"

#include "sluice/common.h"

struct credentials_keeper {
    struct http *http;
    struct credentials keys;
    struct credentials_fetch *fetch; /* NULL: none is open */
    int64_t next_ms;                 /* boottime: not before this */
    int64_t ended_ms;                /* boottime: of the last fetch; INT64_MIN: none yet */
    int64_t retry_ms;
    bool hurry;
};

struct credentials_keeper *credentials_keep(struct http *http, const struct credentials *keys)
{
    struct credentials_keeper *k = x_zalloc(sizeof *k);

    k->http = http;
    k->keys = credentials_copy(keys);
    k->next_ms = k->ended_ms = INT64_MIN;
    k->retry_ms = CREDENTIALS_RETRY_MS;
    return k;
}

void credentials_keep_free(struct credentials_keeper *k)
{
    if (!k)
        return;
    credentials_fetch_free(k->fetch);
    credentials_clear(&k->keys);
    free(k);
}

const struct credentials *credentials_keep_keys(const struct credentials_keeper *k)
{
    return &k->keys;
}

int64_t credentials_keep_until(const struct credentials_keeper *k)
{
    return k->keys.expires_ms;
}

void credentials_keep_hurry(struct credentials_keeper *k)
{
    k->hurry = true;
}

/* The chain has spoken. Others that live longer (or need not end) are taken; the same ones again,
 * or others that end sooner, are no gain and no failure. */
static enum credentials_news judge(struct credentials_keeper *k, int64_t now_ms, struct err *why)
{
    struct credentials fresh = {0};
    bool ok = credentials_fetch_end(k->fetch, &fresh, why), better;

    credentials_fetch_free(k->fetch);
    k->fetch = NULL;
    k->ended_ms = now_ms;
    if (!ok) {
        k->next_ms = now_ms + k->retry_ms;
        k->retry_ms =
            k->retry_ms * 2 < CREDENTIALS_PAUSE_MS ? k->retry_ms * 2 : CREDENTIALS_PAUSE_MS;
        credentials_clear(&fresh);
        return CREDENTIALS_NOT_RENEWED;
    }
    k->retry_ms = CREDENTIALS_RETRY_MS;
    k->next_ms = now_ms + CREDENTIALS_PAUSE_MS;
    better = !credentials_eq(&fresh, &k->keys) &&
             (k->hurry || !fresh.expires_ms || fresh.expires_ms > k->keys.expires_ms);
    k->hurry = false;
    if (!better) {
        credentials_clear(&fresh);
        return CREDENTIALS_NO_NEWS;
    }
    credentials_clear(&k->keys);
    k->keys = fresh;
    return CREDENTIALS_RENEWED;
}

static bool is_due(const struct credentials_keeper *k, int64_t now_ms, int64_t wall_ms,
                   int64_t need_ms)
{
    if (k->hurry)
        return k->ended_ms == INT64_MIN || now_ms >= k->ended_ms + CREDENTIALS_HURRY_MS;
    return now_ms >= k->next_ms && k->keys.expires_ms &&
           k->keys.expires_ms - wall_ms < need_ms + CREDENTIALS_EARLY_MS;
}

enum credentials_news credentials_keep_step(struct credentials_keeper *k,
                                            const struct credentials_ask *ask, int64_t now_ms,
                                            int64_t wall_ms, int64_t need_ms, struct err *why)
{
    if (!k->fetch && is_due(k, now_ms, wall_ms, need_ms))
        k->fetch = credentials_fetch_start(k->http, ask, now_ms);
    if (!k->fetch || !credentials_fetch_step(k->fetch, now_ms))
        return CREDENTIALS_NO_NEWS;
    return judge(k, now_ms, why);
}

bool credentials_keep_take(struct credentials_keeper *k, struct http_done *done, int64_t now_ms)
{
    return k->fetch && credentials_fetch_take(k->fetch, done, now_ms);
}

size_t credentials_keep_fds(const struct credentials_keeper *k, struct pollfd *fds)
{
    return k->fetch ? credentials_fetch_fds(k->fetch, fds) : 0;
}

int64_t credentials_keep_wake_at(const struct credentials_keeper *k)
{
    return k->fetch ? credentials_fetch_wake_at(k->fetch) : INT64_MAX;
}
