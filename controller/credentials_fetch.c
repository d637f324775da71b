/* credentials_fetch.c: carries a recipe out, one request or process at a time
 * (credentials_inner.h). */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "credentials_inner.h"
#include "sluice/clock.h"
#include "sluice/json.h"
#include "sluice/text.h"

#define WAIT_MS 1000 /* a turn of the waiting form */

static void end(struct credentials_fetch *f, const struct err *why)
{
    f->over = true;
    f->source = NULL;
    f->due_ms = INT64_MAX;
    if (why)
        f->err = *why;
}

static void fail(struct credentials_fetch *f, struct err *why)
{
    err_prefix(why, "%s: ", f->source->name);
    /* Nobody asked for the instance by name: what is missing are credentials. */
    if (f->source == &credentials_source_metadata && f->recipe.last_resort) {
        why->kind = ERR_DENIED;
        err_prefix(why, "no AWS credentials are configured for profile '%s'; ", f->config.profile);
    }
    end(f, why);
}

static void ask(struct credentials_fetch *f)
{
    struct err why = {0};

    f->due_ms = INT64_MAX;
    f->tried++;
    if (!f->source->ask(f, &why))
        fail(f, &why);
}

static void begin(struct credentials_fetch *f, const struct credentials_source *source)
{
    f->source = source;
    f->stage = 0;
    f->tried = 0;
    f->tries = 1;
    f->pause_ms = 0;
    ask(f);
}

/* Keys are in hand: those that were wanted, or those to take the next role with. */
static void have(struct credentials_fetch *f)
{
    struct err why = {0};

    if (f->secrets && !credentials_conceal(&f->keys, f->secrets, &why)) {
        end(f, &why);
        return;
    }
    if (!f->roles_left) {
        end(f, NULL);
        return;
    }
    f->role = &f->recipe.roles[f->recipe.n_roles - f->roles_left--];
    begin(f, &credentials_source_role);
}

static void answered(struct credentials_fetch *f, enum credentials_turn turn, struct err *why)
{
    switch (turn) {
    case CREDENTIALS_HAVE:
        have(f);
        return;
    case CREDENTIALS_NEXT:
        f->stage++;
        f->tried = 0;
        ask(f);
        return;
    case CREDENTIALS_AGAIN:
        if (f->tried < f->tries) {
            f->due_ms = f->now_ms + f->pause_ms;
            return;
        }
        break;
    case CREDENTIALS_FAILED:
        break;
    }
    fail(f, why);
}

struct credentials_fetch *
credentials_fetch_start(struct http *http, const struct credentials_ask *ask_for, int64_t now_ms)
{
    struct credentials_fetch *f = x_zalloc(sizeof *f);
    struct err why = {0};

    f->http = http;
    f->secrets = ask_for->secrets;
    f->may_prompt = ask_for->may_prompt;
    f->now_ms = now_ms;
    f->due_ms = INT64_MAX;
    if (!aws_config_load(&f->config, ask_for->profile, &why) ||
        !credentials_find(&f->config, ask_for->role_arn, &f->recipe, &why)) {
        end(f, &why);
        return f;
    }
    /* The chain was read from the wanted role down to who can be it; it is taken from there up. */
    for (size_t i = 0; i < f->recipe.n_roles / 2; i++) {
        struct credentials_role swap = f->recipe.roles[i];

        f->recipe.roles[i] = f->recipe.roles[f->recipe.n_roles - 1 - i];
        f->recipe.roles[f->recipe.n_roles - 1 - i] = swap;
    }
    f->roles_left = f->recipe.n_roles;
    if (f->recipe.base) {
        begin(f, f->recipe.base);
        return f;
    }
    f->keys = f->recipe.keys;
    f->recipe.keys = (struct credentials){0};
    have(f);
    return f;
}

void credentials_fetch_free(struct credentials_fetch *f)
{
    if (!f)
        return;
    if (f->http_id)
        http_cancel(f->http, f->http_id);
    spawn_free(f->spawn);
    credentials_clear(&f->keys);
    credentials_clear(&f->recipe.keys);
    buf_wipe(&f->word);
    buf_clear(&f->detail);
    aws_config_clear(&f->config);
    free(f);
}

/* ---- For sources ---- */

void credentials_fetch_http(struct credentials_fetch *f, const struct http_request *request)
{
    f->http_id = http_start(f->http, request, NULL);
}

bool credentials_fetch_spawn(struct credentials_fetch *f, const struct spawn_request *request,
                             struct err *err)
{
    f->spawn = spawn_start(request, f->now_ms, err);
    return f->spawn != NULL;
}

void credentials_fetch_hide(struct credentials_fetch *f, const char *name, const char *value)
{
    if (f->secrets)
        secret_taint(f->secrets, name, value, strlen(value));
}

bool credentials_fetch_keep(struct credentials_fetch *f, struct credentials *keys, struct err *err)
{
    int64_t now_ms = clock_wall_ms(&clock_real) + f->skew_ms;
    struct buf when SL_CLEANUP(buf_clear) = {0};

    if (keys->expires_ms && keys->expires_ms <= now_ms) {
        text_format_time(&when, keys->expires_ms, false);
        return err_set(err, ERR_DENIED, "the credentials it gave ended at %s", buf_str(&when));
    }
    credentials_clear(&f->keys);
    f->keys = *keys;
    *keys = (struct credentials){0};
    return true;
}

/* The first of the members that holds text, safe to show. */
static void add_said(const json_t *root, const char *const *names, struct buf *out)
{
    for (; *names; names++) {
        const json_t *s = json_object_get(root, *names);

        if (!json_string_length(s))
            continue;
        buf_add_str(out, out->len ? ": " : ", ");
        text_add_safe(out, json_string_value(s), json_string_length(s), CREDENTIALS_SHOWN_MAX);
        return;
    }
}

enum credentials_turn credentials_fetch_refused(const struct http_response *r, struct err *why)
{
    static const char *const codes[] = {"code", "Code", "__type", NULL};
    static const char *const messages[] = {"message", "Message", NULL};
    json_t *root = json_parse(buf_str(&r->body), r->body.len, NULL);
    struct buf said SL_CLEANUP(buf_clear) = {0};
    bool passing = r->status >= 500 || r->status == 429 || r->status == 408;

    add_said(root, codes, &said);
    add_said(root, messages, &said);
    err_set(why, passing ? ERR_NET : ERR_DENIED, "HTTP status %u%s", r->status, buf_str(&said));
    json_decref(root);
    return passing ? CREDENTIALS_AGAIN : CREDENTIALS_FAILED;
}

/* ---- Turns ---- */

bool credentials_fetch_take(struct credentials_fetch *f, struct http_done *done, int64_t now_ms)
{
    struct err why = {0};
    enum credentials_turn turn;

    if (!f->http_id || done->id != f->http_id)
        return false;
    f->http_id = 0;
    f->now_ms = now_ms;
    if (done->response.outcome == HTTP_OK) {
        turn = f->source->took(f, &done->response, &why);
    } else {
        err_set(&why, ERR_NET, "%s", done->response.reason);
        turn = done->response.outcome == HTTP_INVALID ? CREDENTIALS_FAILED : CREDENTIALS_AGAIN;
    }
    buf_wipe(&done->response.body);
    http_response_clear(&done->response);
    answered(f, turn, &why);
    return true;
}

size_t credentials_fetch_fds(const struct credentials_fetch *f, struct pollfd *fds)
{
    _Static_assert(CREDENTIALS_FDS_MAX >= SPAWN_FDS_MAX, "room for a process");
    return f->spawn ? spawn_fds(f->spawn, fds) : 0;
}

int64_t credentials_fetch_wake_at(const struct credentials_fetch *f)
{
    int64_t at = f->spawn ? spawn_wake_at(f->spawn) : INT64_MAX;

    return at < f->due_ms ? at : f->due_ms;
}

bool credentials_fetch_step(struct credentials_fetch *f, int64_t now_ms)
{
    struct err why = {0};

    f->now_ms = now_ms;
    if (f->spawn && spawn_step(f->spawn, now_ms)) {
        struct spawn *spawn = f->spawn;
        enum credentials_turn turn = f->source->ended(f, spawn_result(spawn), &why);

        f->spawn = NULL;
        spawn_free(spawn);
        answered(f, turn, &why);
    }
    if (!f->over && now_ms >= f->due_ms)
        ask(f);
    return f->over;
}

bool credentials_fetch_end(struct credentials_fetch *f, struct credentials *out, struct err *err)
{
    *out = (struct credentials){0};
    if (f->err.kind) {
        if (err && !err->kind)
            *err = f->err;
        return false;
    }
    *out = f->keys;
    f->keys = (struct credentials){0};
    return true;
}

bool credentials_get(struct http *http, const struct credentials_ask *ask_for,
                     struct credentials *out, struct err *err)
{
    int64_t now = clock_boot_ms(&clock_real);
    struct credentials_fetch *f = credentials_fetch_start(http, ask_for, now);
    bool ok = true;

    *out = (struct credentials){0};
    while (ok && !credentials_fetch_step(f, now)) {
        struct pollfd fds[CREDENTIALS_FDS_MAX];
        size_t n = credentials_fetch_fds(f, fds);
        int64_t wake = credentials_fetch_wake_at(f);
        struct http_done done;

        wake = wake - now < WAIT_MS ? wake - now : WAIT_MS;
        ok = http_wait(http, fds, n, wake > 0 ? (int)wake : 0, err);
        now = clock_boot_ms(&clock_real);
        while (http_next(http, &done))
            if (!credentials_fetch_take(f, &done, now))
                http_response_clear(&done.response);
    }
    ok = ok && credentials_fetch_end(f, out, err);
    credentials_fetch_free(f);
    return ok;
}
