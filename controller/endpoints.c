#include "endpoints.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sluice/clock.h"
#include "sluice/text.h"
#include "survey_names.h"

static const char *const side_names[] = {[SUITE_OLD] = "old", [SUITE_NEW] = "new"};

bool endpoints_routed(const char *address)
{
    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(9)};
    struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(9)};
    const struct sockaddr *to;
    socklen_t len;
    int fd, rc, why;

    if (inet_pton(AF_INET6, address, &six.sin6_addr) == 1) {
        to = (const struct sockaddr *)&six;
        len = sizeof six;
    } else if (inet_pton(AF_INET, address, &four.sin_addr) == 1) {
        to = (const struct sockaddr *)&four;
        len = sizeof four;
    } else {
        return true;
    }
    fd = socket(to->sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return errno != EAFNOSUPPORT;
    rc = connect(fd, to, len);
    why = errno;
    close(fd);
    return rc == 0 || (why != ENETUNREACH && why != EADDRNOTAVAIL && why != EAFNOSUPPORT);
}

static uint32_t *chain_of(struct endpoints *e, const char *host)
{
    uint32_t h = 2166136261u;

    if (!e->newest)
        e->newest = x_calloc(ENDPOINTS_CHAINS, sizeof *e->newest);
    for (; *host; host++)
        h = (h ^ (uint8_t)*host) * 16777619u;
    return &e->newest[(h ^ h >> 16) & (ENDPOINTS_CHAINS - 1)];
}

static void chain_put(struct endpoints *e, size_t i)
{
    uint32_t *newest = chain_of(e, e->list[i].host);

    e->before[i] = *newest;
    *newest = (uint32_t)i + 1;
}

/* The endpoint of this side, host and address; NULL when it is new. */
static const struct pump_endpoint *find(struct endpoints *e, int side, const char *host,
                                        const char *address)
{
    for (uint32_t at = *chain_of(e, host); at; at = e->before[at - 1]) {
        const struct pump_endpoint *p = &e->list[at - 1];

        if (p->side == (enum suite_side)side && strcmp(p->host, host) == 0 &&
            text_eq_nocase(p->address, address))
            return p;
    }
    return NULL;
}

static bool add(struct endpoints *e, int side, const char *host, const char *address,
                struct err *err)
{
    if (find(e, side, host, address))
        return true;
    if (!endpoints_routed(address)) {
        if (!e->n_unrouted++)
            snprintf(e->unrouted, sizeof e->unrouted, "%s", address);
        return true;
    }
    if (e->n >= ENDPOINTS_MAX)
        return err_set(err, ERR_LIMIT, "the plan's records lead to more than %d endpoints",
                       ENDPOINTS_MAX);
    if (e->n == e->cap) {
        e->cap = e->cap ? e->cap * 2 : 64;
        e->list = x_realloc(e->list, e->cap, sizeof *e->list);
        e->before = x_realloc(e->before, e->cap, sizeof *e->before);
    }
    e->list[e->n] = (struct pump_endpoint){.side = (enum suite_side)side,
                                             .host = arena_strdup(&e->mem, host),
                                             .address = arena_strdup(&e->mem, address)};
    chain_put(e, e->n++);
    return true;
}

/* Where a target name leads inside the zones that were read. */
struct chase {
    struct endpoints *e;
    const struct survey *s;
    endpoints_resolve *resolve;
    void *ctx;
    int side;
    const char *host;
    size_t found;
};

static bool add_set(struct chase *c, const struct rrset *set, int depth, struct err *err);

static bool add_target(struct chase *c, const char *target, int depth, struct err *err)
{
    struct buf name SL_CLEANUP(buf_clear) = {0};
    const char *out[ENDPOINTS_TARGET_MAX];
    bool in_zone = false;
    size_t n;

    if (depth >= ENDPOINTS_CHAIN_MAX)
        return err_set(err, ERR_REFUSED, "the CNAMEs behind %s go more than %d deep", c->host,
                       ENDPOINTS_CHAIN_MAX);
    for (size_t z = 0; z < c->s->n_zones; z++) {
        for (const struct rrset *set = survey_first(c->s, (uint32_t)z, target); set;
             set = survey_next(c->s, (uint32_t)z, set)) {
            if (strcmp(set->type, "A") != 0 && strcmp(set->type, "AAAA") != 0 &&
                strcmp(set->type, "CNAME") != 0)
                continue;
            in_zone = true;
            if (!add_set(c, set, depth + 1, err))
                return false;
        }
    }
    if (in_zone)
        return true;
    survey_plain_name(target, &name);
    n = c->resolve ? c->resolve(c->ctx, &c->e->mem, buf_str(&name), out, ENDPOINTS_TARGET_MAX) : 0;
    for (size_t i = 0; i < n; i++, c->found++)
        if (!add(c->e, c->side, c->host, out[i], err))
            return false;
    if (n)
        return true;
    c->found++;
    return add(c->e, c->side, c->host, buf_str(&name), err);
}

static bool add_set(struct chase *c, const struct rrset *set, int depth, struct err *err)
{
    if (set->alias_name)
        return add_target(c, set->alias_name, depth, err);
    for (size_t i = 0; i < set->n_values; i++) {
        if (strcmp(set->type, "CNAME") == 0) {
            if (!add_target(c, set->values[i], depth, err))
                return false;
        } else {
            c->found++;
            if (!add(c->e, c->side, c->host, set->values[i], err))
                return false;
        }
    }
    return true;
}

static bool overlap(struct endpoints *e, size_t from, struct err *err)
{
    for (size_t i = from; i < e->n; i++) {
        const struct pump_endpoint *p = &e->list[i];

        if (find(e, p->side == SUITE_OLD ? SUITE_NEW : SUITE_OLD, p->host, p->address))
            return err_set(
                err, ERR_REFUSED,
                "both sides of %s lead to %s: a probe could not tell the fleets apart; give each "
                "side its own addresses or targets",
                p->host, p->address);
    }
    return true;
}

bool endpoints_from_survey(struct endpoints *e, const struct survey *s, endpoints_resolve *resolve,
                           void *ctx, struct err *err)
{
    *e = (struct endpoints){0};
    for (size_t i = 0; i < s->n_records; i++) {
        const struct survey_record *r = &s->records[i];
        struct buf host SL_CLEANUP(buf_clear) = {0};
        size_t from = e->n;

        if (!r->usable || (strcmp(r->type, "A") != 0 && strcmp(r->type, "AAAA") != 0 &&
                           strcmp(r->type, "CNAME") != 0))
            continue;
        survey_plain_name(r->name, &host);
        for (size_t k = 0; k < r->n_sets; k++) {
            struct chase c = {e, s, resolve, ctx, r->side[k], buf_str(&host), 0};

            if (!add_set(&c, &r->sets[k], 0, err))
                return false;
        }
        if (!overlap(e, from, err))
            return false;
    }
    return true;
}

/* A connection under way to one IPv6 address; -1 when it is decided. */
static int begin_try(const char *address, bool *reached)
{
    struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_port = htons(443)};
    int fd = -1;

    if (inet_pton(AF_INET6, address, &to.sin6_addr) == 1)
        fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    if (connect(fd, (const struct sockaddr *)&to, sizeof to) == 0 || errno == ECONNREFUSED)
        *reached = true;
    else if (errno == EINPROGRESS)
        return fd;
    close(fd);
    return -1;
}

/* True while nobody has been reached and some are still undecided. Silence is no proof of a missing
 * route. */
static bool finish_tries(struct pollfd *fds, size_t n, bool *reached)
{
    bool open = false;

    for (size_t i = 0; i < n; i++) {
        int why = 0;
        socklen_t len = sizeof why;

        if (fds[i].fd < 0)
            continue;
        if (!fds[i].revents) {
            open = true;
            continue;
        }
        if (getsockopt(fds[i].fd, SOL_SOCKET, SO_ERROR, &why, &len) == 0 && why != EHOSTUNREACH &&
            why != ENETUNREACH)
            *reached = true;
        close(fds[i].fd);
        fds[i].fd = -1;
    }
    return open && !*reached;
}

static bool family_reached(const struct endpoints *e)
{
    int64_t until = clock_boot_ms(&clock_real) + ENDPOINTS_TRY_MS;
    struct pollfd fds[ENDPOINTS_TRY_MAX];
    bool reached = false, open = true;
    size_t n = 0;

    for (size_t i = 0; i < e->n && n < ENDPOINTS_TRY_MAX && !reached; i++)
        if (strchr(e->list[i].address, ':')) {
            int fd = begin_try(e->list[i].address, &reached);

            if (fd >= 0)
                fds[n++] = (struct pollfd){.fd = fd, .events = POLLOUT};
        }
    while (open && n && !reached) {
        int64_t left = until - clock_boot_ms(&clock_real);

        if (left <= 0 || poll(fds, (nfds_t)n, clock_poll_ms(left)) < 0)
            break;
        open = finish_tries(fds, n, &reached);
    }
    for (size_t i = 0; i < n; i++)
        if (fds[i].fd >= 0) {
            reached = true; /* undecided */
            close(fds[i].fd);
        }
    return reached;
}

void endpoints_drop_unreachable_family(struct endpoints *e)
{
    size_t kept = 0, six = 0;

    for (size_t i = 0; i < e->n; i++)
        six += strchr(e->list[i].address, ':') != NULL;
    if (!six || family_reached(e))
        return;
    for (size_t i = 0; i < e->n; i++) {
        if (!strchr(e->list[i].address, ':'))
            e->list[kept++] = e->list[i];
        else if (!e->n_unrouted++)
            snprintf(e->unrouted, sizeof e->unrouted, "%s", e->list[i].address);
    }
    e->n = kept;
    memset(e->newest, 0, ENDPOINTS_CHAINS * sizeof *e->newest);
    for (size_t i = 0; i < e->n; i++)
        chain_put(e, i);
}

json_t *endpoints_save(const struct endpoints *e)
{
    json_t *list = json_array();

    for (size_t i = 0; i < e->n; i++)
        json_array_append_new(list, json_pack("[s, s, s]", side_names[e->list[i].side],
                                              e->list[i].host, e->list[i].address));
    return list;
}

bool endpoints_load(struct endpoints *e, const json_t *from, struct err *err)
{
    const json_t *item;
    size_t i;

    *e = (struct endpoints){0};
    json_array_foreach(from, i, item)
    {
        const char *side, *host, *address;

        if (json_unpack((json_t *)(uintptr_t)item, "[s, s, s]", &side, &host, &address) < 0 ||
            (strcmp(side, "old") != 0 && strcmp(side, "new") != 0))
            return err_set(err, ERR_REFUSED, "the journal's endpoints cannot be read");
        if (!add(e, strcmp(side, "new") == 0, host, address, err))
            return false;
    }
    return true;
}

void endpoints_clear(struct endpoints *e)
{
    free(e->list);
    free(e->newest);
    free(e->before);
    arena_clear(&e->mem);
    *e = (struct endpoints){0};
}
