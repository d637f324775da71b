/* rig_dns.c: names the run needs before it begins: targets of CNAMEs and the zones' name servers.
 */
#include <poll.h>
#include <string.h>

#include "dns_client.h"
#include "rig.h"
#include "sluice/clock.h"
#include "sluice/log.h"
#include "survey.h"

#define QUESTIONS 2 /* A and AAAA */

static void take_addresses(struct arena *mem, const struct dns_answer *answer, const char **out,
                           size_t max, size_t *n)
{
    for (size_t i = 0; i < answer->records_n && *n < max; i++)
        if (answer->records[i].type == DNS_TYPE_A || answer->records[i].type == DNS_TYPE_AAAA)
            out[(*n)++] = arena_strdup(mem, answer->records[i].value);
}

/* Asks the plan's resolver, or the system's, and waits in place. */
static size_t look_up(const char *resolver, struct arena *mem, const char *name, const char **out,
                      size_t max)
{
    static const uint16_t types[QUESTIONS] = {DNS_TYPE_A, DNS_TYPE_AAAA};
    struct dns_client *client = dns_client_new();
    struct dns_question q = {.name = name, .recursion = true};
    struct dns_resolvers system;
    struct dns_done done;
    size_t n = 0;

    if (resolver) {
        q.servers[0] = resolver;
    } else {
        dns_resolvers_load(&system, NULL);
        for (size_t i = 0; i < system.n; i++)
            q.servers[i] = system.address[i];
    }
    for (size_t i = 0; i < QUESTIONS; i++) {
        q.type = types[i];
        dns_client_ask(client, &q, NULL, clock_boot_ms(&clock_real));
    }
    while (dns_client_open(client)) {
        struct pollfd fds[DNS_CLIENT_FDS_MAX];
        size_t n_fds = dns_client_fds(client, fds, DNS_CLIENT_FDS_MAX);
        int64_t now = clock_boot_ms(&clock_real), wake = dns_client_wake_at(client);

        if (wake > now)
            poll(fds, (nfds_t)n_fds, clock_poll_ms(wake - now > 1000 ? 1000 : wake - now));
        dns_client_step(client, clock_boot_ms(&clock_real));
        while (dns_client_next(client, &done)) {
            take_addresses(mem, &done.answer, out, max, &n);
            dns_answer_clear(&done.answer);
        }
    }
    dns_client_free(client);
    return n;
}

size_t rig_resolve(void *rig, struct arena *mem, const char *name, const char **out, size_t max)
{
    const struct rig *r = rig;

    /* Without a resolver of its own the plan means the system's, which curl asks each time anew. */
    return r->plan.route53.resolver ? look_up(r->plan.route53.resolver, mem, name, out, max) : 0;
}

void rig_servers(struct rig *rig, struct verify_servers *out)
{
    *out = (struct verify_servers){0};
    for (size_t z = 0; z < rig->n_zones; z++) {
        struct verify_zone *zone = &out->zones[out->n++];

        zone->id = arena_strdup(&out->mem, rig->zones[z].id);
        zone->passed_over = rig->zones[z].private_zone && !rig->plan.route53.servers_n;
        if (zone->passed_over)
            continue;
        for (uint32_t i = 0; i < rig->plan.route53.servers_n; i++)
            zone->servers[zone->n++] = arena_strdup(&out->mem, rig->plan.route53.server[i]);
        for (size_t i = 0; i < rig->n_name_servers[z] && !rig->plan.route53.servers_n; i++) {
            const char *addresses[2];
            size_t n = look_up(rig->plan.route53.resolver, &out->mem, rig->name_servers[z][i],
                               addresses, 2);

            for (size_t k = 0; k < n && zone->n < OBSERVE_SERVERS_MAX; k++)
                zone->servers[zone->n++] = addresses[k];
        }
    }
}
