/* pump_origins.c: where the probes of a side will shake hands, known before any of them runs. */
#include <string.h>

#include "names.h"
#include "pump_internal.h"

struct visit {
    struct names seen;
    pump_origin_fn *tell;
    void *ctx;
};

/* False when whoever is told has heard enough. */
static bool look_at_step(const struct pump *pump, uint32_t stratum, struct scope *scope,
                         const struct suite_step *step, struct visit *v)
{
    const struct suite_request *from = &step->request;
    struct request request SL_CLEANUP(request_clear) = {0};
    struct buf key SL_CLEANUP(buf_clear) = {0}, to SL_CLEANUP(buf_clear) = {0};
    struct err ignored = {0}; /* pump_new() has looked at it; a captured one is judged when known */
    uint32_t known = v->seen.n;
    struct pump_origin o;

    if (from->url_foreign || !request_build_url(&request, scope, from, "", &ignored) ||
        strcmp(request.parts.scheme, "https") != 0 ||
        !pump_target(pump, stratum, step->other, &request.parts, &to, &ignored))
        return true;
    buf_addf(&key, "%s:%u %s", request.parts.host, request.parts.port, buf_str(&to));
    if (names_number(&v->seen, buf_str(&key)) < known)
        return true;
    o = (struct pump_origin){.host = request.parts.host,
                             .port = request.parts.port,
                             .connect_to = buf_str(&to),
                             .ca_file = from->ca_file,
                             .cert_file = from->cert_file,
                             .key_file = from->key_file};
    return v->tell(v->ctx, &o);
}

static bool look_at(const struct pump *pump, uint32_t stratum, struct visit *v)
{
    const struct pump_stratum *s = &pump->strata[stratum];
    const struct suite_check *check = &pump->suites[s->suite]->checks[s->check];
    struct scope scope SL_CLEANUP(scope_clear) = {0};

    pump_scope(pump, s, &scope);
    pump_assume_captures(&scope);
    for (size_t i = 0; i < check->steps_n; i++)
        if (!look_at_step(pump, stratum, &scope, &check->steps[i], v))
            return false;
    return true;
}

void pump_origins(const struct pump *pump, enum suite_side side, pump_origin_fn *tell, void *ctx)
{
    struct visit v = {.tell = tell, .ctx = ctx};

    for (uint32_t i = 0; i < pump->strata_n; i++) {
        const struct pump_stratum *s = &pump->strata[i];

        if (s->side == side && s->endpoint != RUN_NONE && s->required && !look_at(pump, i, &v))
            break;
    }
    names_clear(&v.seen);
}
