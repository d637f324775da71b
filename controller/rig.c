#include "rig.h"

#include <stdio.h>
#include <string.h>

#include "aws_config.h"
#include "endpoints.h"
#include "plan_file.h"
#include "route53.h"
#include "router_route53.h"
#include "stop.h"
#include "sluice/clock.h"
#include "sluice/crypto.h"
#include "sluice/file.h"
#include "sluice/text.h"

#define CONNECTIONS_MAX 1024
#define JOBS_MIN        20
#define LIST_WAIT_MS    60000 /* one zone's whole listing, beside what the rate of calls makes it take */
#define LIST_TRIES      4
#define LIST_PAUSE_MS   1000

static bool load_suites(struct rig *rig, struct err *err)
{
    for (uint32_t i = 0; i < rig->plan.suites_n; i++) {
        const struct plan_suite *ps = &rig->plan.suites[i];

        rig->suites_n = i + 1; /* also a half-loaded one is to be cleared */
        rig->suite_list[i] = &rig->suites[i];
        if (ps->file ? !suite_load(&rig->suites[i], ps->file, NULL, err)
                     : !suite_decode(&rig->suites[i], ps->inline_doc, NULL, NULL, err))
            return false;
    }
    return true;
}

static bool hash_plan(struct rig *rig, const char *path, struct err *err)
{
    struct buf text SL_CLEANUP(buf_clear) = {0};

    if (strcmp(path, "-") == 0)
        return err_set(err, ERR_USAGE, "the plan of a run must be a file: a resume reads it again");
    if (!file_read(&text, path, DOC_BYTES_MAX, err))
        return false;
    crypto_sha256_hex(buf_str(&text), text.len, rig->plan_hash);
    return true;
}

bool rig_load(struct rig *rig, const struct opts *opts, const char *path, bool suites,
              struct err *err)
{

    *rig = (struct rig){.opts = opts};
    rig->secrets = secret_new();
    secret_set_sink(rig->secrets);
    if (!plan_load(&rig->plan, &rig->mem, path, err) || !hash_plan(rig, path, err))
        return false;
    if (!suites)
        return true;
    if (!load_suites(rig, err))
        return false;
    return suite_secrets_load(rig->suite_list, NULL, rig->suites_n, rig->secrets, err);
}

static struct credentials_ask whose(const struct rig *rig)
{
    return (struct credentials_ask){.profile = rig->plan.route53.profile,
                                    .role_arn = rig->plan.route53.role_arn,
                                    .secrets = rig->secrets};
}

bool rig_connect(struct rig *rig, struct err *err)
{
    const struct http_config http = {.connections_max = CONNECTIONS_MAX};
    struct credentials_ask ask = whose(rig);
    struct credentials keys = {0};
    struct aws_route53 door;
    bool ok;

    ask.may_prompt = true;
    rig->http = http_new(&http, err);
    ok = rig->http && aws_config_load(&rig->aws, rig->plan.route53.profile, err) &&
         aws_config_route53(&rig->aws, rig->plan.route53.endpoint_url, &door, err) &&
         credentials_get(rig->http, &ask, &keys, err);
    if (ok) {
        const struct route53_config config = {
            .http = rig->http,
            .clock = &clock_real,
            .endpoint = door.endpoint,
            .signing_region = door.signing_region,
            .ca_file = door.ca_file,
            .credentials = &keys,
            .renew = !ask.role_arn, /* what lies at hand is not that role's */
            .profile = rig->plan.route53.profile,
            .secrets = rig->secrets,
            .rate_milli = rig->plan.route53.rate_milli,
        };

        rig->route53 = route53_new(&config);
        rig->router = router_route53_new(rig->route53);
        rig->keeper = credentials_keep(rig->http, &keys);
    }
    credentials_clear(&keys);
    return ok;
}

/* ---- Credentials that end
 * -------------------------------------------------------------------------- */

/* Unix ms as AWS counts them: a session's end is told by its clock, not by ours. */
static int64_t aws_now(const struct rig *rig, int64_t wall_ms)
{
    return wall_ms + route53_skew_ms(rig->route53);
}

bool rig_keys_short(const struct rig *rig, int64_t wall_ms, int64_t need_ms)
{
    int64_t end_ms = credentials_keep_until(rig->keeper);

    return end_ms && end_ms - aws_now(rig, wall_ms) < need_ms;
}

enum credentials_news rig_keys_step(struct rig *rig, int64_t now_ms, int64_t wall_ms,
                                    int64_t need_ms, struct err *why)
{
    const struct credentials_ask ask = whose(rig);
    enum credentials_news news;

    if (route53_keys_refused(rig->route53))
        credentials_keep_hurry(rig->keeper);
    news = credentials_keep_step(rig->keeper, &ask, now_ms, aws_now(rig, wall_ms), need_ms, why);
    if (news == CREDENTIALS_RENEWED)
        route53_set_credentials(rig->route53, credentials_keep_keys(rig->keeper));
    return news;
}

int64_t rig_keys_until(const struct rig *rig)
{
    return credentials_keep_until(rig->keeper);
}

size_t rig_fds(const struct rig *rig, struct pollfd *fds)
{
    return rig->keeper ? credentials_keep_fds(rig->keeper, fds) : 0;
}

/* ---- Reading the zones
 * ------------------------------------------------------------------------------ */

void rig_http(struct rig *rig, struct http_done *done, int64_t now_ms)
{
    if (rig->keeper && credentials_keep_take(rig->keeper, done, now_ms))
        return;
    if (!rig->router.self || !router_route53_take(rig->router.self, done))
        http_response_clear(&done->response);
}

int64_t rig_wake_at(const struct rig *rig)
{
    int64_t router = rig->router.self ? router_route53_wake_at(rig->router.self) : INT64_MAX;
    int64_t keeper = rig->keeper ? credentials_keep_wake_at(rig->keeper) : INT64_MAX;

    return router < keeper ? router : keeper;
}

/* Only where a command has said that a signal is to end it in order (stop.h). */
static bool wait_or_stop(struct rig *rig, int64_t ms, struct err *err)
{
    struct pollfd stop = stop_pollfd();

    if (stop_signal())
        return err_set(err, ERR_IO, "stopped while reading the zones");
    return http_wait(rig->http, &stop, 1, (int)ms, err);
}

/* Waits in place for the operation in flight; one that was given up may be answered late. */
static bool wait_answer(struct rig *rig, uint32_t op_id, struct router_answer *answer,
                        struct err *err)
{
    const int64_t pages = ROUTER_ZONE_SETS_MAX / ROUTER_PAGE_SETS_MAX + 1;
    int64_t until = clock_boot_ms(&clock_real) + LIST_WAIT_MS +
                    pages * 1000 * 1000 / rig->plan.route53.rate_milli;
    struct http_done done;

    for (;;) {
        int64_t now = clock_boot_ms(&clock_real), wake;

        while (rig->router.ops->next(rig->router.self, answer)) {
            if (answer->op_id == op_id)
                return true;
            rig->router.ops->release(rig->router.self, answer);
        }
        if (now >= until)
            return err_set(err, ERR_TIMEOUT, "Route 53 does not answer");
        wake = rig_wake_at(rig);
        wake = wake < until ? wake : until;
        if (!wait_or_stop(rig, wake > now ? wake - now : 0, err))
            return false;
        while (http_next(rig->http, &done))
            rig_http(rig, &done, now);
    }
}

static bool list_fails(const struct router_answer *a, struct err *err)
{
    static const enum err_kind kinds[ROUTER_OUTCOME_COUNT] = {
        [ROUTER_REFUSED] = ERR_REFUSED, [ROUTER_DENIED] = ERR_DENIED,   [ROUTER_BUSY] = ERR_BUSY,
        [ROUTER_MISSING] = ERR_REFUSED, [ROUTER_INVALID] = ERR_REFUSED, [ROUTER_UNKNOWN] = ERR_NET};
    struct buf safe SL_CLEANUP(buf_clear) = {0};

    text_add_safe(&safe, a->message, strlen(a->message), 400);
    return err_set(err, kinds[a->outcome], "the records cannot be read: %s: %s", a->code,
                   buf_str(&safe));
}

static bool list_zone(struct rig *rig, size_t i, struct err *err)
{
    const struct router_list list = {.zone_id = rig->zones[i].id};
    struct router_answer *a = &rig->listings[i];

    for (int attempt = 1;; attempt++) {
        struct err why = {0};

        rig->router.ops->list(rig->router.self, ++rig->last_op, &list);
        if (!wait_answer(rig, rig->last_op, a, err))
            return false;
        if (a->outcome == ROUTER_OK)
            break;
        list_fails(a, &why);
        rig->router.ops->release(rig->router.self, a);
        if (!err_is_transient(why.kind) || attempt >= LIST_TRIES) {
            if (why.kind ==
                ERR_BUSY) /* throttled to the end is not "another run holds the lease" */
                why.kind = ERR_NET;
            *err = why;
            return false;
        }
        if (!wait_or_stop(rig, LIST_PAUSE_MS, err))
            return false;
    }
    rig->zones[i].sets = a->sets;
    rig->zones[i].n_sets = a->n_sets;
    return true;
}

static bool same_zone(const struct survey_zone *z, const char *asked)
{
    /* A name means a public zone where there is one: to be looked up. */
    return strcmp(z->asked, asked) == 0 || strcmp(z->id, asked) == 0 ||
           (!z->private_zone && rrset_name_eq(z->name, asked));
}

/* The index of the zone a record names, found and listed at the first mention. */
static bool need_zone(struct rig *rig, const char *asked, uint32_t *index, struct err *err)
{
    struct route53_zone found;
    const char **servers;

    for (size_t i = 0; i < rig->n_zones; i++)
        if (same_zone(&rig->zones[i], asked)) {
            *index = (uint32_t)i;
            return true;
        }
    if (rig->n_zones >= RIG_ZONES_MAX)
        return err_set(err, ERR_LIMIT, "the plan names more than %d zones", RIG_ZONES_MAX);
    if (!route53_find_zone(rig->route53, asked, &rig->mem, &found, err))
        return false;
    for (size_t i = 0; i < rig->n_zones; i++)
        if (strcmp(rig->zones[i].id, found.id) == 0) {
            *index = (uint32_t)i;
            return true;
        }
    *index = (uint32_t)rig->n_zones;
    rig->zones[rig->n_zones] = (struct survey_zone){.asked = asked,
                                                    .id = found.id,
                                                    .name = found.name,
                                                    .private_zone = found.private_zone,
                                                    .passed_over = found.passed_over,
                                                    .owner = found.owner};
    if (!list_zone(rig, rig->n_zones, err))
        return false;
    servers = arena_array(&rig->mem, found.n_servers ? found.n_servers : 1, sizeof *servers);
    memcpy(servers, found.servers, found.n_servers * sizeof *servers);
    rig->name_servers[rig->n_zones] = servers;
    rig->n_name_servers[rig->n_zones] = found.n_servers;
    rig->n_zones++;
    return true;
}

static bool read_zones(struct rig *rig, uint32_t *zone_of, struct err *err)
{
    uint32_t ignored;

    if (rig->plan.records_all)
        return need_zone(rig, rig->plan.route53.zone, &ignored, err);
    for (uint32_t i = 0; i < rig->plan.records_n; i++) {
        const char *asked =
            rig->plan.records[i].zone ? rig->plan.records[i].zone : rig->plan.route53.zone;

        if (!need_zone(rig, asked, &zone_of[i], err))
            return false;
    }
    return true;
}

bool rig_survey(struct rig *rig, struct survey *s, int64_t patience_ms, struct err *err)
{
    int64_t start = clock_boot_ms(&clock_real);
    uint32_t *zone_of =
        arena_array(&rig->mem, rig->plan.records_n ? rig->plan.records_n : 1, sizeof *zone_of);

    for (;;) {
        struct err why = {0};

        if (read_zones(rig, zone_of, &why))
            break;
        if (!err_is_transient(why.kind) || clock_boot_ms(&clock_real) - start >= patience_ms) {
            *err = why;
            return false;
        }
        if (!wait_or_stop(rig, LIST_PAUSE_MS, err))
            return false;
    }
    survey_eval(s, &rig->mem, &rig->plan, rig->zones, rig->n_zones, zone_of);
    return true;
}

bool rig_read_again(struct rig *rig, struct arena *mem, struct survey *s, struct err *err)
{
    uint32_t *zone_of =
        arena_array(mem, rig->plan.records_n ? rig->plan.records_n : 1, sizeof *zone_of);

    for (size_t i = 0; i < rig->n_zones; i++) {
        struct router_answer before = rig->listings[i];

        memset(&rig->listings[i], 0, sizeof rig->listings[i]);
        if (!list_zone(rig, i, err)) {
            rig->listings[i] = before;
            return false;
        }
        rig->router.ops->release(rig->router.self, &before);
    }
    if (!read_zones(rig, zone_of, err))
        return false;
    survey_eval(s, mem, &rig->plan, rig->zones, rig->n_zones, zone_of);
    return true;
}

bool rig_peek(struct rig *rig, void (*look)(void *ctx, const struct survey *s), void *ctx,
              struct err *err)
{
    struct router_answer listings[RIG_ZONES_MAX];
    struct survey_zone zones[RIG_ZONES_MAX];
    struct arena mem SL_CLEANUP(arena_clear) = {0};
    struct survey *s = x_zalloc(sizeof *s);
    size_t n = rig->n_zones;
    bool ok;

    memcpy(listings, rig->listings, sizeof listings);
    memcpy(zones, rig->zones, sizeof zones);
    memset(rig->listings, 0, sizeof rig->listings);
    ok = rig_read_again(rig, &mem, s, err);
    if (ok)
        look(ctx, s);
    free(s);
    for (size_t i = 0; i < n; i++) {
        rig->router.ops->release(rig->router.self, &rig->listings[i]);
        rig->listings[i] = listings[i];
        rig->zones[i] = zones[i];
    }
    return ok;
}

/* ---- Fence and pump
 * --------------------------------------------------------------------------------- */

static struct fence_config fence_config_of(const struct rig *rig, const char *run)
{
    struct fence_config cfg = {
        .cutover = rig->plan.cutover,
        .run = run,
        .plan_hash = rig->plan_hash,
        .life_ms = rig->plan.lease_life_ms,
        .wall_minus_boot_ms = clock_wall_ms(&clock_real) - clock_boot_ms(&clock_real),
        .rollback_to = rig->plan.rollback_to,
        .not_before_s = rig->plan.not_before_s > 0 && rig->plan.not_before_s < INT64_MAX
                            ? rig->plan.not_before_s
                            : 0,
        .lease_off = rig->plan.lease_off,
        .all = rig->plan.records_all,
    };

    crypto_random(&cfg.seed, sizeof cfg.seed);
    return cfg;
}

/* Looking for drift takes half of the API calls there may be, no more: the other half is for the steps
 * and the lease. */
static void pace(struct rig *rig, const struct fence *f)
{
    int64_t read_ms =
        (int64_t)fence_read_calls(f) * 2 * 1000 * 1000 / rig->plan.route53.rate_milli;

    if (rig->plan.read_every_ms < read_ms)
        rig->plan.read_every_ms = read_ms;
}

struct fence *rig_fence(struct rig *rig, const struct survey *s, const char *run, struct err *err)
{
    const struct fence_config cfg = fence_config_of(rig, run);
    struct fence *f = fence_new(&cfg, rig->router);

    for (size_t z = 0; z < rig->n_zones; z++) {
        char *name = rig->plan.lease_name ? x_strdup(rig->plan.lease_name)
                                          : lease_record_name(rig->zones[z].name);

        fence_add_zone(f, rig->zones[z].id, name);
        free(name);
    }
    for (size_t i = 0; i < s->n_records; i++)
        if (s->records[i].usable)
            fence_add_record(f, s->records[i].zone, s->records[i].sets, s->records[i].side,
                             s->records[i].n_sets);
    if (!fence_ready(f, err)) {
        fence_free(f);
        return NULL;
    }
    pace(rig, f);
    return f;
}

struct fence *rig_fence_restore(struct rig *rig, const char *run, const json_t *baseline,
                                const json_t *state, struct err *err)
{
    const struct fence_config cfg = fence_config_of(rig, run);

    struct fence *f = fence_restore(&cfg, rig->router, baseline, state, err);

    if (f)
        pace(rig, f);
    return f;
}

static void fill_strata(struct rig *rig, const struct pump *pump)
{
    uint32_t first_check[PLAN_SUITES_MAX] = {0}, n = pump_strata_n(pump);

    for (size_t i = 1; i < rig->suites_n; i++)
        first_check[i] = first_check[i - 1] + (uint32_t)rig->suites[i - 1].checks_n;
    rig->strata = x_calloc(n ? n : 1, sizeof *rig->strata);
    for (uint32_t i = 0; i < n; i++) {
        const struct pump_stratum *s = pump_stratum(pump, i);

        rig->strata[i] =
            (struct plan_stratum){.cell = s->cell,
                                  .check = (uint16_t)(first_check[s->suite] + s->check),
                                  .suite = (uint8_t)s->suite,
                                  .side = (uint8_t)s->side,
                                  .from_percent = s->from_percent,
                                  .required = s->required};
    }
    rig->plan.strata = rig->strata;
    rig->plan.strata_n = n;
}

struct pump *rig_pump(struct rig *rig, const struct endpoints *e, const char *run, struct err *err)
{
    uint32_t jobs = rig->plan.rate_milli / 1000 * 24;
    struct pump_options options = {.secrets = rig->secrets,
                                   .run = run,
                                   .endpoints = e->list,
                                   .endpoints_n = e->n,
                                   .no_retries = true};
    struct plan_findings findings;
    struct pump *pump;

    options.jobs = jobs < JOBS_MIN ? JOBS_MIN : jobs > PUMP_JOBS_MAX ? PUMP_JOBS_MAX : jobs;
    pump = pump_new(rig->suite_list, rig->suites_n, rig->http, &options, err);
    if (!pump)
        return NULL;
    fill_strata(rig, pump);
    for (uint32_t i = 0; i < pump_strata_n(pump); i++) /* no evidence: see crossing.h */
        if (pump_stratum(pump, i)->crosses)
            pump_switch(pump, i, false);
    if (plan_check(&rig->plan, &findings))
        return pump;
    err_set(err, ERR_FILE, "%s: %s", rig->plan.path, plan_fault_text(findings.item[0].fault));
    pump_free(pump);
    return NULL;
}

void rig_new_run(char out[32])
{
    struct buf time SL_CLEANUP(buf_clear) = {0};
    char compact[24];
    int64_t now = clock_wall_ms(&clock_real);
    uint8_t random[2];
    size_t n = 0;

    text_format_time(&time, now, false);
    for (size_t i = 0; i < time.len && n < sizeof compact - 1; i++)
        if (time.data[i] != '-' && time.data[i] != ':')
            compact[n++] = time.data[i];
    compact[n] = '\0';
    crypto_random(random, sizeof random);
    snprintf(out, 32, "%s-%03u%02x%02x", compact, (unsigned)((uint64_t)now % 1000), random[0],
             random[1]);
}

void rig_forget_zones(struct rig *rig)
{
    for (size_t i = 0; i < rig->n_zones; i++)
        rig->router.ops->release(rig->router.self, &rig->listings[i]);
    memset(rig->listings, 0, sizeof rig->listings);
    memset(rig->zones, 0, sizeof rig->zones);
    rig->n_zones = 0;
}

void rig_clear(struct rig *rig)
{
    rig_forget_zones(rig);
    if (rig->router.self)
        rig->router.ops->free(rig->router.self);
    credentials_keep_free(rig->keeper);
    http_free(rig->http);
    for (size_t i = 0; i < rig->suites_n; i++)
        suite_clear(&rig->suites[i]);
    free(rig->strata);
    aws_config_clear(&rig->aws);
    secret_set_sink(NULL);
    secret_free(rig->secrets);
    arena_clear(&rig->mem);
}
