#include "verify.h"

#include <string.h>

#include "plan.h"
#include "sluice/clock.h"
#include "sluice/crypto.h"

#define SAID_MAX 5

struct part { /* one zone */
    struct observe *observe;
    struct observe_request request;
    bool done;
};

struct verify {
    struct arena mem;
    struct part *parts;
    size_t n;
};

void verify_servers_clear(struct verify_servers *s)
{
    arena_clear(&s->mem);
    *s = (struct verify_servers){0};
}

json_t *verify_servers_save(const struct verify_servers *s)
{
    json_t *all = json_object();

    for (size_t z = 0; z < s->n; z++) {
        json_t *list = s->zones[z].passed_over ? json_null() : json_array();

        for (size_t i = 0; i < s->zones[z].n; i++)
            json_array_append_new(list, json_string(s->zones[z].servers[i]));
        json_object_set_new(all, s->zones[z].id, list);
    }
    return all;
}

bool verify_servers_load(struct verify_servers *s, const json_t *from, struct err *err)
{
    const char *id;
    json_t *list;

    *s = (struct verify_servers){0};
    json_object_foreach((json_t *)(uintptr_t)from, id, list)
    {
        struct verify_zone *z = &s->zones[s->n];

        if (s->n++ >= FENCE_ZONES_MAX || json_array_size(list) > OBSERVE_SERVERS_MAX)
            return err_set(err, ERR_REFUSED, "the journal's name servers cannot be read");
        z->id = arena_strdup(&s->mem, id);
        z->passed_over = json_is_null(list);
        for (size_t i = 0; i < json_array_size(list); i++) {
            const char *text = json_string_value(json_array_get(list, i));

            if (!text)
                return err_set(err, ERR_REFUSED, "the journal's name servers cannot be read");
            z->servers[z->n++] = arena_strdup(&s->mem, text);
        }
    }
    return true;
}

static const struct verify_zone *servers_of(const struct verify_servers *s, const char *zone_id)
{
    for (size_t i = 0; i < s->n; i++)
        if (strcmp(s->zones[i].id, zone_id) == 0 && (s->zones[i].n || s->zones[i].passed_over))
            return &s->zones[i];
    return NULL;
}

static struct observe_record record_of(struct arena *mem, const struct fence *f, uint32_t record)
{
    struct observe_record out = {.name = fence_record_name(f, record),
                                 .type = fence_record_type(f, record)};
    struct observe_set *sets;
    const struct rrset *set;
    struct fence_set known;
    size_t n = 0;

    while (fence_set(f, record, n, NULL))
        n++;
    sets = arena_array(mem, n ? n : 1, sizeof *sets);
    for (size_t i = 0; i < n; i++) {
        set = fence_set(f, record, i, &known);
        if (known.missing)
            continue;
        sets[out.sets_n++] =
            (struct observe_set){.set_id = set->set_id,
                                 .side = known.side == PLAN_NEW ? OBSERVE_NEW : OBSERVE_OLD,
                                 .weight = known.weight,
                                 .ttl = set->ttl,
                                 .alias = set->alias_name != NULL,
                                 .values = set->values,
                                 .values_n = set->n_values};
        out.health_checked = out.health_checked || set->health_check || set->alias_health;
    }
    out.sets = sets;
    return out;
}

bool verify_requests(const struct fence *f, const struct verify_servers *servers, struct arena *mem,
                     struct observe_request *out, struct err *err)
{
    size_t asked = 0;

    for (uint32_t z = 0; z < fence_n_zones(f); z++) {
        const struct verify_zone *zone = servers_of(servers, fence_zone_id(f, z));
        struct observe_record *records = arena_array(mem, fence_n_records(f) + 1, sizeof *records);

        if (!zone)
            return err_set(err, ERR_REFUSED,
                           "zone %s has no name server that can be asked from here",
                           fence_zone_id(f, z));
        out[z] = (struct observe_request){
            .servers = zone->servers, .servers_n = zone->n, .records = records};
        for (uint32_t r = 0; r < fence_n_records(f) && !zone->passed_over; r++)
            if (fence_record_zone(f, r) == z) {
                struct observe_record *to = &records[out[z].records_n];

                *to = record_of(mem, f, r);
                out[z].records_n += to->sets_n > 0; /* of one that is gone nothing can be said */
            }
        asked += !zone->passed_over;
    }
    return asked || !fence_n_zones(f) ||
           err_set(err, ERR_REFUSED,
                   "the plan's zones are private: their name servers answer inside their VPCs only");
}

struct verify *verify_start(const struct fence *f, const struct verify_servers *servers,
                            uint32_t tests_in_run, uint64_t seed, int64_t now_ms, struct err *err)
{
    struct observe_request requests[FENCE_ZONES_MAX];
    struct verify *v = x_zalloc(sizeof *v);

    v->n = fence_n_zones(f);
    v->parts = x_calloc(v->n ? v->n : 1, sizeof *v->parts);
    if (!verify_requests(f, servers, &v->mem, requests, err)) {
        verify_free(v);
        return NULL;
    }
    for (uint32_t z = 0; z < v->n; z++) {
        struct part *p = &v->parts[z];

        p->request = requests[z];
        p->request.tests_in_run = tests_in_run;
        p->request.seed = seed + z;
        p->done = !p->request.records_n;
        if (p->done)
            continue;
        if (p->request.tests_in_run && p->request.tests_in_run < p->request.records_n)
            p->request.tests_in_run = (uint32_t)p->request.records_n;
        p->observe = observe_start(&p->request, now_ms, err);
        if (!p->observe) {
            verify_free(v);
            return NULL;
        }
    }
    return v;
}

void verify_free(struct verify *v)
{
    if (!v)
        return;
    for (size_t i = 0; i < v->n; i++)
        observe_free(v->parts[i].observe);
    free(v->parts);
    arena_clear(&v->mem);
    free(v);
}

size_t verify_fds(const struct verify *v, struct pollfd *fds, size_t max)
{
    size_t n = 0;

    for (size_t i = 0; v && i < v->n && n < max; i++)
        if (!v->parts[i].done)
            n += observe_fds(v->parts[i].observe, fds + n, max - n);
    return n;
}

int64_t verify_wake_at(const struct verify *v)
{
    int64_t at = INT64_MAX;

    for (size_t i = 0; v && i < v->n; i++)
        if (!v->parts[i].done) {
            int64_t wake = observe_wake_at(v->parts[i].observe);

            at = wake < at ? wake : at;
        }
    return at;
}

bool verify_step(struct verify *v, int64_t now_ms)
{
    bool all = true;

    for (size_t i = 0; i < v->n; i++) {
        struct part *p = &v->parts[i];

        p->done = p->done || observe_step(p->observe, now_ms);
        all = all && p->done;
    }
    return all;
}

enum observe_verdict verify_verdict(const struct verify *v)
{
    enum observe_verdict worst = OBSERVE_PASS;

    for (size_t i = 0; i < v->n; i++)
        if (v->parts[i].observe && observe_result(v->parts[i].observe)->verdict > worst)
            worst = observe_result(v->parts[i].observe)->verdict;
    return worst;
}

size_t verify_findings(const struct verify *v, struct buf *out, size_t max)
{
    size_t n = 0, said = 0;

    for (size_t i = 0; i < v->n; i++) {
        const struct observe_result *r;

        if (!v->parts[i].observe)
            continue;
        r = observe_result(v->parts[i].observe);
        n += r->findings_all;
        for (size_t k = 0; k < r->findings_n && said < max; k++, said++) {
            if (said)
                buf_add_str(out, "; ");
            observe_finding_format(&v->parts[i].request, &r->findings[k], out);
        }
    }
    return n;
}

void verify_wait(struct verify *v)
{
    int64_t now = clock_boot_ms(&clock_real);

    while (!verify_step(v, now)) {
        struct pollfd fds[VERIFY_FDS_MAX];
        size_t n = verify_fds(v, fds, VERIFY_FDS_MAX);
        int64_t wake = verify_wake_at(v);

        if (wake > now)
            poll(fds, (nfds_t)n, clock_poll_ms(wake - now > 1000 ? 1000 : wake - now));
        now = clock_boot_ms(&clock_real);
    }
}

bool verify_part(const struct verify *v, size_t zone, const struct observe_request **request,
                 const struct observe **observe)
{
    if (zone >= v->n)
        return false;
    *request = &v->parts[zone].request;
    *observe = v->parts[zone].observe;
    return true;
}

bool verify_now(const struct fence *f, const struct verify_servers *servers,
                enum observe_verdict *verdict, struct buf *findings, struct err *err)
{
    struct verify *v;
    uint64_t seed;

    crypto_random(&seed, sizeof seed);
    v = verify_start(f, servers, 0, seed, clock_boot_ms(&clock_real), err);
    if (!v)
        return false;
    verify_wait(v);
    *verdict = verify_verdict(v);
    verify_findings(v, findings, SAID_MAX);
    verify_free(v);
    return true;
}
