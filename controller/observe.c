#include "observe.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "sluice/arena.h"

#define VALUES_MAX DNS_RECORDS_MAX

static const char *const fault_names[] = {
    [OBSERVE_FINE] = "fine",
    [OBSERVE_SERVER_SILENT] = "server_silent",
    [OBSERVE_NO_ANSWER] = "no_answer",
    [OBSERVE_LAME] = "lame",
    [OBSERVE_EMPTY] = "empty",
    [OBSERVE_FOREIGN] = "foreign",
    [OBSERVE_TTL] = "ttl",
    [OBSERVE_OPPOSING] = "opposing",
    [OBSERVE_SHARE] = "share",
    [OBSERVE_SHARE_SERVER] = "share_server",
};
_Static_assert(ARRAY_LEN(fault_names) == OBSERVE_FAULT_COUNT, "a name for every fault");

const char *observe_fault_name(enum observe_fault fault)
{
    return (size_t)fault < ARRAY_LEN(fault_names) ? fault_names[fault] : "unknown";
}

/* -- values ------------------------------------------------------------------------------------ */

static int compare_texts(const void *a, const void *b)
{
    const char *const *x = a, *const *y = b;

    return strcmp(*x, *y);
}

static void add_sorted(struct buf *out, const char **texts, size_t n)
{
    size_t i;

    if (n)
        qsort(texts, n, sizeof *texts, compare_texts);
    for (i = 0; i < n; i++) {
        buf_add_str(out, texts[i]);
        buf_add_char(out, '\n');
    }
}

bool observe_canonical(struct buf *out, uint16_t type, const char *const *values, size_t n,
                       struct err *err)
{
    struct arena mem SL_CLEANUP(arena_clear) = {0};
    const char **texts = arena_array(&mem, n, sizeof *texts);
    size_t i;

    for (i = 0; i < n; i++) {
        struct buf one SL_CLEANUP(buf_clear) = {0};

        if (!dns_value_canonical(&one, type, values[i], err))
            return false;
        texts[i] = arena_strdup(&mem, buf_str(&one));
    }
    add_sorted(out, texts, n);
    return true;
}

static enum observe_kind kind_of(enum observe_side side)
{
    return side == OBSERVE_NEW ? OBSERVE_IS_NEW : OBSERVE_IS_OLD;
}

/* Whether one of the lines of `known` is among the texts. */
static bool any_known(const char *known, const char *const *texts, size_t n)
{
    size_t i, len;

    for (; *known; known += len + 1) {
        len = strcspn(known, "\n");
        for (i = 0; i < n; i++)
            if (strlen(texts[i]) == len && !memcmp(texts[i], known, len))
                return true;
    }
    return false;
}

/* No set has exactly these values: an alias may, whose values are Route 53's business. */
static enum observe_kind classify_alias(const struct observe_record *record,
                                        const char *const *canonical, const char *const *texts,
                                        size_t n)
{
    bool has[OBSERVE_SIDES] = {false, false};
    size_t i;

    for (i = 0; i < record->sets_n; i++) {
        if (!record->sets[i].alias)
            continue;
        if (any_known(canonical[i], texts, n))
            return kind_of(record->sets[i].side);
        has[record->sets[i].side] = true;
    }
    if (has[OBSERVE_OLD] && has[OBSERVE_NEW])
        return OBSERVE_IS_UNSURE;
    if (!has[OBSERVE_OLD] && !has[OBSERVE_NEW])
        return OBSERVE_IS_FOREIGN;
    return has[OBSERVE_NEW] ? OBSERVE_IS_NEW : OBSERVE_IS_OLD;
}

enum observe_kind observe_classify(const struct observe_record *record,
                                   const char *const *canonical, const struct dns_record *answers,
                                   size_t n, uint16_t type, bool *ttl_wrong)
{
    struct buf all SL_CLEANUP(buf_clear) = {0};
    const char *texts[VALUES_MAX];
    size_t i, j, used = 0;

    for (i = 0; i < n && used < VALUES_MAX; i++)
        if (answers[i].type == type)
            texts[used++] = answers[i].value;
    if (!used) /* a CNAME where addresses were asked for is somebody else's doing */
        return n ? OBSERVE_IS_FOREIGN : OBSERVE_IS_EMPTY;
    add_sorted(&all, texts, used);
    for (i = 0; i < record->sets_n; i++) {
        const struct observe_set *set = &record->sets[i];

        if (set->alias || strcmp(canonical[i], buf_str(&all)) != 0)
            continue;
        for (j = 0; j < n && ttl_wrong; j++)
            *ttl_wrong = *ttl_wrong || (answers[j].type == type && answers[j].ttl != set->ttl);
        return kind_of(set->side);
    }
    return classify_alias(record, canonical, texts, used);
}

/* -- shares ------------------------------------------------------------------------------------ */

double observe_share(const struct observe_record *record)
{
    double sum[OBSERVE_SIDES] = {0, 0};
    size_t i;

    for (i = 0; i < record->sets_n; i++)
        sum[record->sets[i].side] += record->sets[i].weight;
    if (sum[OBSERVE_OLD] + sum[OBSERVE_NEW] <= 0)
        return -1;
    return sum[OBSERVE_NEW] / (sum[OBSERVE_OLD] + sum[OBSERVE_NEW]);
}

uint32_t observe_samples(double share)
{
    double rare = share < 0.5 ? share : 1 - share, n;

    if (rare <= 0)
        return OBSERVE_SAMPLES_MIN; /* the rarer side must not appear: every answer counts */
    n = ceil(OBSERVE_EXPECTED_MIN / rare);
    if (n < OBSERVE_SAMPLES_MIN)
        return OBSERVE_SAMPLES_MIN;
    return n > OBSERVE_SAMPLES_MAX ? OBSERVE_SAMPLES_MAX : (uint32_t)n;
}

static double log_term(uint32_t n, uint32_t k, double p)
{
    return lgamma(n + 1.0) - lgamma(k + 1.0) - lgamma((double)(n - k) + 1.0) + k * log(p) +
           (n - k) * log1p(-p);
}

static double tail(uint32_t n, uint32_t from, uint32_t to, double p)
{
    double sum = 0;
    uint32_t i;

    for (i = from; i <= to; i++)
        sum += exp(log_term(n, i, p));
    return sum;
}

double observe_binomial_p(uint32_t n, uint32_t k, double share)
{
    double low, high, p;

    assert(k <= n);
    if (!n)
        return 1;
    if (share <= 0 || share >= 1)
        return k == (share <= 0 ? 0 : n) ? 1 : 0;
    low = tail(n, 0, k, share);
    high = tail(n, k, n, share);
    p = 2 * (low < high ? low : high);
    return p < 1 ? p : 1;
}

/* -- judging ----------------------------------------------------------------------------------- */

struct judging {
    const struct observe_record *record;
    struct observe_finding *out;
    size_t n;
    uint32_t index;
    double share;
};

static struct observe_finding *find(struct judging *j, enum observe_fault fault, size_t server)
{
    struct observe_finding *f = &j->out[j->n++];

    *f = (struct observe_finding){.fault = fault, .record = j->index, .share = j->share};
    f->server = server == SIZE_MAX ? UINT32_MAX : (uint32_t)server;
    /* A health check takes sets out of the answers; it changes neither values nor TTLs. */
    f->warning =
        j->record->health_checked &&
        (fault == OBSERVE_OPPOSING || fault == OBSERVE_SHARE || fault == OBSERVE_SHARE_SERVER);
    return f;
}

static bool has_opposing(const struct observe_tally *t, double share)
{
    return (share == 0 && t->count[OBSERVE_IS_NEW]) || (share == 1 && t->count[OBSERVE_IS_OLD]);
}

static void judge_server(struct judging *j, const struct observe_tally *t, size_t server)
{
    if (t->count[OBSERVE_IS_LAME])
        find(j, OBSERVE_LAME, server);
    if (t->count[OBSERVE_IS_EMPTY])
        find(j, OBSERVE_EMPTY, server);
    if (t->count[OBSERVE_IS_FOREIGN])
        find(j, OBSERVE_FOREIGN, server);
    if (t->ttl_wrong)
        find(j, OBSERVE_TTL, server);
    if (has_opposing(t, j->share))
        find(j, OBSERVE_OPPOSING, server);
}

static void judge_share(struct judging *j, const struct observe_tally *tallies, size_t servers_n,
                        double alpha)
{
    uint32_t n = 0, k = 0;
    struct observe_finding *f;
    double p;
    size_t s;

    for (s = 0; s < servers_n; s++) {
        if (tallies[s].count[OBSERVE_IS_UNSURE])
            return; /* some answers belong to nobody: the rest is no fair sample */
        n += tallies[s].count[OBSERVE_IS_OLD] + tallies[s].count[OBSERVE_IS_NEW];
        k += tallies[s].count[OBSERVE_IS_NEW];
    }
    p = observe_binomial_p(n, k, j->share);
    if (p >= alpha)
        return;
    f = find(j, OBSERVE_SHARE, SIZE_MAX);
    f->n = n;
    f->k = k;
    f->p = p;
    for (s = 0; s < servers_n; s++) {
        k = tallies[s].count[OBSERVE_IS_NEW];
        n = tallies[s].count[OBSERVE_IS_OLD] + k;
        p = observe_binomial_p(n, k, j->share);
        if (p >= alpha / (double)servers_n)
            continue;
        f = find(j, OBSERVE_SHARE_SERVER, s);
        f->n = n;
        f->k = k;
        f->p = p;
    }
}

size_t observe_judge(const struct observe_record *record, uint32_t index,
                     const struct observe_tally *tallies, size_t servers_n, bool sampled,
                     double alpha, struct observe_finding *out)
{
    struct judging j = {.record = record, .out = out, .index = index};
    uint32_t answers = 0;
    size_t s, kind;

    j.share = observe_share(record);
    for (s = 0; s < servers_n; s++) {
        for (kind = 0; kind < OBSERVE_KINDS; kind++)
            answers += tallies[s].count[kind];
        judge_server(&j, &tallies[s], s);
    }
    if (!answers)
        find(&j, OBSERVE_NO_ANSWER, SIZE_MAX);
    if (sampled && j.share > 0 && j.share < 1)
        judge_share(&j, tallies, servers_n, alpha);
    return j.n;
}
