/* dns_server.h: several authoritative servers for the zones, and one resolver, each on a port of
 * its own.
 *
 * Server k answers from the zone as it has reached server k (zone.h). UDP and TCP share a port
 * number. */
#ifndef SANDBOX_DNS_SERVER_H
#define SANDBOX_DNS_SERVER_H

#include <jansson.h>

#include "api.h"

struct dns_server;

/* section is the config's "dns" object or NULL: {"servers": [{"delay_ms"}], "hosts": {NAME:
 * [ADDRESS]}, "ttl": seconds of a host}. The delays are read by dns_server_delays(), since the
 * store needs them before. */
bool dns_server_delays(json_t *section, int64_t *delay_us, size_t *n,
                       struct err *err) SL_MUST_CHECK;
struct dns_server *dns_server_new(struct sandbox *sb, json_t *section, struct err *err);
void dns_server_free(struct dns_server *d);

/* Ports, once made: authoritative k, and the resolver. */
uint16_t dns_server_port(const struct dns_server *d, size_t k);
uint16_t dns_server_resolver_port(const struct dns_server *d);
json_t *dns_server_state(const struct dns_server *d);

/* A health check as these servers see it; unknown ones are healthy. */
void dns_server_set_health(struct dns_server *d, const char *check, bool healthy);

/* Freezes and thaws the zones of servers that a "stale" fault names. */
void dns_server_faults_changed(struct dns_server *d);

#endif
