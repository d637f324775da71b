#include "notify.h"

#include <string.h>

#include "sluice/buf.h"
#include "sluice/log.h"
#include "sluice/secret.h"
#include "sluice/spawn.h"
#include "sluice/text.h"

struct notify {
    const char *argv[PLAN_COMMAND_MAX + 1];
    char *queue[NOTIFY_QUEUE_MAX]; /* JSON lines, oldest first */
    size_t n;
    uint64_t dropped;
    struct spawn *running;
};

struct notify *notify_new(const struct plan *plan)
{
    struct notify *n;

    if (!plan->notify_command_n)
        return NULL;
    n = x_zalloc(sizeof *n);
    for (uint32_t i = 0; i < plan->notify_command_n && i < PLAN_COMMAND_MAX; i++)
        n->argv[i] = plan->notify_command[i];
    return n;
}

void notify_free(struct notify *n)
{
    if (!n)
        return;
    spawn_free(n->running);
    for (size_t i = 0; i < n->n; i++)
        free(n->queue[i]);
    free(n);
}

void notify_send(struct notify *n, const json_t *event)
{
    struct buf text = {0};
    char *json;

    if (!n)
        return;
    if (n->n == NOTIFY_QUEUE_MAX) {
        n->dropped++;
        return;
    }
    json = json_dumps(event, JSON_COMPACT);
    buf_addf(&text, "%s\n", json);
    free(json);
    secret_redact_sink(&text);
    n->queue[n->n++] = buf_take(&text);
}

size_t notify_fds(const struct notify *n, struct pollfd *fds)
{
    return n && n->running ? spawn_fds(n->running, fds) : 0;
}

int64_t notify_wake_at(const struct notify *n)
{
    if (!n)
        return INT64_MAX;
    if (n->running)
        return spawn_wake_at(n->running);
    return n->n ? 0 : INT64_MAX;
}

static void say_result(const struct notify *n)
{
    const struct spawn_result *r = spawn_result(n->running);
    struct buf text SL_CLEANUP(buf_clear) = {0};

    if (r->outcome == SPAWN_EXITED && r->code == 0)
        return;
    spawn_result_format(r, &text);
    if (r->errors.len) {
        buf_add_str(&text, ": ");
        text_add_safe(&text, r->errors.data, r->errors.len, 200);
    }
    log_warn("the notify command %s", buf_str(&text));
}

static void start_next(struct notify *n, int64_t now_ms)
{
    struct spawn_request request = {.argv = n->argv, .deadline_ms = NOTIFY_DEADLINE_MS};
    struct err err = {0};
    char *line = n->queue[0];

    n->n--;
    memmove(n->queue, n->queue + 1, n->n * sizeof n->queue[0]);
    request.input = line;
    request.input_len = strlen(line);
    n->running = spawn_start(&request, now_ms, &err);
    if (!n->running)
        log_warn("the notify command cannot be started: %s", err.text);
    free(line);
}

void notify_step(struct notify *n, int64_t now_ms)
{
    if (!n)
        return;
    if (n->running && spawn_step(n->running, now_ms)) {
        say_result(n);
        spawn_free(n->running);
        n->running = NULL;
    }
    if (!n->running && n->n)
        start_next(n, now_ms);
    if (n->dropped && !n->n) {
        log_warn("%llu notices were dropped: the notify command does not keep up",
                 (unsigned long long)n->dropped);
        n->dropped = 0;
    }
}

bool notify_idle(const struct notify *n)
{
    return !n || (!n->running && !n->n);
}
