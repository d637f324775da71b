#include "faults.h"

#include <string.h>

#include "rset_json.h"

#define ON_API   FAULT_BIT(FAULT_ON_API)
#define ON_FLEET FAULT_BIT(FAULT_ON_FLEET)
#define ON_DNS   FAULT_BIT(FAULT_ON_DNS)

struct kind {
    const char *name;
    uint32_t on;
};

static const struct kind kinds[] = {
    [FAULT_LATENCY] = {"latency", ON_API | ON_FLEET},
    [FAULT_STATUS] = {"status", ON_API | ON_FLEET},
    [FAULT_HANG] = {"hang", ON_API | ON_FLEET},
    [FAULT_RESET] = {"reset", ON_API | ON_FLEET},
    [FAULT_THROTTLE] = {"throttle", ON_API},
    [FAULT_LOST_REPLY] = {"lost_reply", ON_API},
    [FAULT_LATE] = {"late", ON_API},
    [FAULT_DUPLICATE] = {"duplicate", ON_API},
    [FAULT_PENDING] = {"pending", ON_API},
    [FAULT_GARBAGE] = {"garbage", ON_API | ON_FLEET},
    [FAULT_WRONG_BODY] = {"wrong_body", ON_FLEET},
    [FAULT_TRUNCATED] = {"truncated", ON_API | ON_FLEET},
    [FAULT_SLOW_LORIS] = {"slow_loris", ON_FLEET},
    [FAULT_BOMB] = {"bomb", ON_FLEET},
    [FAULT_FLOOD] = {"flood", ON_FLEET},
    [FAULT_EXPIRED] = {"expired_certificate", ON_FLEET},
    [FAULT_WRONG_NAME] = {"wrong_name_certificate", ON_FLEET},
    [FAULT_SELF_SIGNED] = {"self_signed_certificate", ON_FLEET},
    [FAULT_STALE] = {"stale", ON_DNS},
    [FAULT_DROP] = {"drop", ON_DNS},
    [FAULT_SERVFAIL] = {"servfail", ON_DNS},
    [FAULT_REFUSED] = {"refused", ON_DNS},
};
_Static_assert(ARRAY_LEN(kinds) == FAULT_KIND_COUNT, "a row for every kind");

static const char *const on_names[] = {
    [FAULT_ON_API] = "api",
    [FAULT_ON_FLEET] = "fleet",
    [FAULT_ON_DNS] = "dns",
};
_Static_assert(ARRAY_LEN(on_names) == FAULT_ON_COUNT, "a name for every target");

const char *fault_kind_name(enum fault_kind kind)
{
    return kinds[kind].name;
}

void faults_init(struct faults *f, uint64_t seed, int64_t start_us)
{
    *f = (struct faults){.seed = seed, .start_us = start_us};
}

static void fault_free(struct fault *x)
{
    char *owned[] = {x->fleet, x->address, x->path, x->method,  x->action,
                     x->key,   x->comment, x->code, x->message, x->body};

    for (size_t i = 0; i < ARRAY_LEN(owned); i++)
        free(owned[i]);
    free(x);
}

void faults_clear(struct faults *f)
{
    for (size_t i = 0; i < f->n; i++)
        fault_free(f->list[i]);
    f->n = 0;
}

static bool find_name(const char *name, enum fault_kind *kind, enum fault_on *on,
                      const char *on_name, struct err *err)
{
    size_t i = 0;

    while (i < ARRAY_LEN(kinds) && strcmp(kinds[i].name, name) != 0)
        i++;
    if (i == ARRAY_LEN(kinds))
        return err_set(err, ERR_FILE, "unknown kind of fault '%s'", name);
    *kind = (enum fault_kind)i;
    for (size_t k = 0; k < ARRAY_LEN(on_names); k++) {
        if (strcmp(on_names[k], on_name) == 0) {
            *on = (enum fault_on)k;
            return (kinds[i].on & FAULT_BIT(k)) ||
                   err_set(err, ERR_FILE, "the fault '%s' cannot be on '%s'", name, on_name);
        }
    }
    return err_set(err, ERR_FILE, "'on' must be api, fleet or dns, not '%s'", on_name);
}

static bool take(struct fault *x, json_t *json, struct err *err)
{
    const char *kind, *on, *fleet = NULL, *address = NULL, *path = NULL, *method = NULL;
    const char *action = NULL, *key = NULL, *comment = NULL, *code = NULL, *message = NULL;
    const char *body = NULL;
    int nth = 0, from_nth = 0, every = 0, count = 0, reply = 0, hold = 0;
    json_int_t from_ms = 0, to_ms = -1, ms = 0, bytes = 0;

    if (!json_take(
            json, "fault", err,
            "{s:s, s:s, s?s, s?s, s?s, s?s, s?s, s?s, s?s, s?i, s?i, s?i, s?i, s?i, s?F, s?I, s?I,"
            " s?I, s?I, s?i, s?i, s?b, s?b, s?s, s?s, s?s}",
            "kind", &kind, "on", &on, "fleet", &fleet, "address", &address, "path", &path, "method",
            &method, "action", &action, "key", &key, "comment", &comment, "server", &x->server,
            "nth", &nth, "from_nth", &from_nth, "every", &every, "count", &count, "probability",
            &x->probability, "from_ms", &from_ms, "to_ms", &to_ms, "ms", &ms, "bytes", &bytes,
            "status", &x->status, "retry_after", &x->retry_after, "reply", &reply, "hold", &hold,
            "code", &code, "message", &message, "body", &body))
        return false;
    if (!find_name(kind, &x->kind, &x->on, on, err))
        return false;
    if (nth < 0 || from_nth < 0 || every < 0 || count < 0 || x->probability < 0 ||
        x->probability > 1 || bytes < 0 || x->status < 100 || x->status > 599 || from_ms < 0)
        return err_set(err, ERR_FILE, "fault %s: a number is out of its range", kind);
    x->nth = (uint32_t)nth;
    x->from_nth = (uint32_t)from_nth;
    x->every = (uint32_t)every;
    x->count = (uint32_t)count;
    x->from_us = from_ms * 1000;
    x->to_us = to_ms < 0 ? INT64_MAX : to_ms * 1000;
    x->ms = ms;
    x->bytes = bytes ? bytes : INT64_C(1) << 30;
    x->reply = reply != 0;
    x->hold = hold != 0;
    x->fleet = x_strdup(fleet);
    x->address = x_strdup(address);
    x->path = x_strdup(path);
    x->method = x_strdup(method);
    x->action = x_strdup(action);
    x->key = x_strdup(key);
    x->comment = x_strdup(comment);
    x->code = x_strdup(code);
    x->message = x_strdup(message);
    x->body = x_strdup(body);
    return true;
}

uint64_t faults_add(struct faults *f, json_t *json, struct err *err)
{
    struct fault *x;

    if (f->n == FAULTS_MAX) {
        err_set(err, ERR_LIMIT, "more than %d faults", FAULTS_MAX);
        return 0;
    }
    x = x_zalloc(sizeof *x);
    x->server = -1;
    x->probability = 1;
    x->status = 500;
    x->retry_after = -1;
    if (!take(x, json, err)) {
        fault_free(x);
        return 0;
    }
    x->id = ++f->last_id;
    rng_init(&x->dice, f->seed, 1000 + x->id);
    f->list[f->n++] = x;
    return x->id;
}

bool faults_remove(struct faults *f, uint64_t id)
{
    if (!id) {
        faults_clear(f);
        return true;
    }
    for (size_t i = 0; i < f->n; i++) {
        if (f->list[i]->id == id) {
            fault_free(f->list[i]);
            memmove(f->list + i, f->list + i + 1, (f->n - i - 1) * sizeof f->list[0]);
            f->n--;
            return true;
        }
    }
    return false;
}

json_t *faults_to_json(const struct faults *f)
{
    json_t *list = json_array();

    for (size_t i = 0; i < f->n; i++) {
        const struct fault *x = f->list[i];

        json_array_append_new(list, json_pack("{s:I, s:s, s:s, s:I, s:I}", "id", (json_int_t)x->id,
                                              "kind", kinds[x->kind].name, "on", on_names[x->on],
                                              "matched", (json_int_t)x->matched, "fired",
                                              (json_int_t)x->fired));
    }
    return list;
}

static bool is_or_any(const char *want, const char *have)
{
    return !want || (have && strcmp(want, have) == 0);
}

static bool concerns(const struct fault *x, const struct fault_query *q)
{
    if (x->on != q->on || (q->kinds && !(q->kinds & FAULT_BIT(x->kind))))
        return false;
    if (x->on == FAULT_ON_DNS)
        return x->server < 0 || x->server == q->server;
    if (x->path && (!q->path || strncmp(x->path, q->path, strlen(x->path)) != 0))
        return false;
    if (x->comment && (!q->comment || !strstr(q->comment, x->comment)))
        return false;
    return is_or_any(x->fleet, q->fleet) && is_or_any(x->address, q->address) &&
           is_or_any(x->method, q->method) && is_or_any(x->action, q->action) &&
           is_or_any(x->key, q->key);
}

static bool fires(struct fault *x, int64_t at_us)
{
    if (at_us < x->from_us || at_us >= x->to_us)
        return false;
    x->matched++;
    if (x->nth && x->matched != x->nth)
        return false;
    if (x->matched < x->from_nth)
        return false;
    if (x->every && x->matched % x->every != 0)
        return false;
    if (x->count && x->fired >= x->count)
        return false;
    if (x->probability < 1 && rng_unit(&x->dice) >= x->probability)
        return false;
    x->fired++;
    return true;
}

size_t faults_fire(struct faults *f, const struct fault_query *q, int64_t now_us,
                   const struct fault *out[FAULTS_FIRED_MAX])
{
    size_t n = 0;

    for (size_t i = 0; i < f->n && n < FAULTS_FIRED_MAX; i++) {
        if (concerns(f->list[i], q) && fires(f->list[i], now_us - f->start_us))
            out[n++] = f->list[i];
    }
    return n;
}

const struct fault *faults_pick(const struct fault *const *fired, size_t n, enum fault_kind kind)
{
    for (size_t i = 0; i < n; i++) {
        if (fired[i]->kind == kind)
            return fired[i];
    }
    return NULL;
}
