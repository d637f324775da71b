/* pump.h: runs the checks of suites against endpoints, over one struct http that others may share.
 *
 * pump_new() enumerates the strata: every check, matrix row and endpoint, with stable numbers from
 * 0. Without endpoints (the program smoke) every cell is one stratum and connects where DNS or
 * connect_to says. With endpoints (a ramp) every request is pinned: its host's record, else the
 * wildcard that covers it, else the check's `pin:`, says which endpoints there are; a host with
 * none is an error unless the check says `via: dns`. What to run when is decided by run.h; the pump
 * builds requests, keeps cookies and captures of each flow, judges answers and hands results over
 * one by one.
 *
 *     pump_sweep(pump, NULL, NULL);  or  pump_rate(pump, 5000, now)
 *     for (;;) {
 *         pump_tick(pump, now);
 *         http_wait(http, fds, n, min(pump_wake_at(pump, now), ...) - now, &err);
 *         while (http_next(http, &done))
 *             if (!pump_take(pump, &done, now)) ... somebody else's ...
 *         while (pump_next(pump, &result)) ...
 *     }
 */
#ifndef SLUICE_PUMP_H
#define SLUICE_PUMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sluice/clock.h"
#include "sluice/http.h"
#include "sluice/run.h"
#include "sluice/secret.h"
#include "sluice/suite.h"

#define PUMP_STRATA_MAX   200000
#define PUMP_JOBS_MAX     1000
#define PUMP_FRESH_MS     3000  /* a pinned endpoint gets a new connection at least this often */
#define PUMP_TLS_PAUSE_MS 4500  /* after a failed TLS handshake an endpoint is left alone so long, \
                                 */
#define PUMP_TLS_FLAKE_MS  1500 /* but for asks only so long where it may have been the network */
#define PUMP_EXCERPT_MAX   ((size_t)4096) /* of a body, kept with a result that did not pass */
#define PUMP_EXCHANGES_MAX 64 /* told of one probe; later requests are made, but not told */

struct pump; /* opaque */

/* One address or target of one side. All borrowed during pump_new() only. */
struct pump_endpoint {
    enum suite_side side;
    const char *host;    /* the record's name, no final dot; "*.shops.example.com" covers names */
    const char *address; /* "203.0.113.5", "2001:db8::1" or a host name */
    uint16_t port;       /* 0: the url's own */
};

/* As curl's --connect-to: an empty host or port 0 stands for any. */
struct pump_connect_to {
    const char *host;
    uint16_t port;
    const char *target; /* "address:port", "[v6]:port", "name:port"; ":port" may be missing */
};

/* One answer to a request of a flow, as it came, before it is judged. Borrowed for the call. */
struct pump_answer {
    uint32_t stratum, step;
    const char *role; /* as in struct probe_exchange */
    const char *url;  /* that was asked */
    const struct http_response *response;
};
typedef void pump_answer_fn(void *ctx, const struct pump_answer *answer);

struct pump_options {
    const struct clock *clock;  /* for {{now}}, signatures, cookies, certificates; NULL: real */
    struct secret_set *secrets; /* borrowed until pump_free(); access tokens taint it */
    const char *run;            /* {{run}}; NULL: a random one */
    uint32_t jobs;              /* probes in flight at most, 1 to PUMP_JOBS_MAX; 0: 10 */
    uint32_t host_jobs;  /* of them for one origin (of a probe's first request); 0: no bound */
    uint32_t rate_milli; /* sweeps: probes a second at most, in thousandths; 0: no bound */
    const struct pump_endpoint *endpoints; /* NULL and 0: nothing is pinned */
    size_t endpoints_n;
    const struct pump_connect_to *connect_to; /* unpinned only */
    size_t connect_to_n;
    enum suite_side side; /* unpinned only: {{side}}, and which checks run when side_only */
    bool side_only;
    bool no_retries;           /* a ramp counts every probe */
    bool keep_all;             /* exchange details also with a pass */
    pump_answer_fn *on_answer; /* called for each answer but those of `finally:`; NULL: none */
    void *on_answer_ctx;
    int64_t timeout_ms;        /* ceiling for every request; 0: the suite's own */
    const bool *const *chosen; /* chosen[suite][check] false: left out; NULL: all */
};

/* One stratum, for the plan's lint and the ramp's table. Borrowed strings. */
struct pump_stratum {
    uint32_t cell; /* check × row over all suites: what is compared with the other side */
    uint32_t suite, check, row;
    enum suite_side side; /* unpinned: options.side */
    uint32_t endpoint;    /* index into pump_endpoint_at(); RUN_NONE: not pinned */
    uint8_t from_percent;
    bool required;   /* counts as evidence: severity is not warn, not known_bad, not via dns */
    bool crosses;    /* asks both sides: never evidence, so not required */
    bool reads_only; /* all its requests are GET or HEAD */
    int64_t every_ms;
    uint32_t twin; /* the stratum of the same cell on the other side, RUN_NONE when there is none */
};

/* One request of a probe and its answer, in numbers. */
struct probe_exchange {
    const char *role; /* static: "redirect", "token", "initialize", ...; NULL: the step's own */
    uint32_t step;    /* from 0 */
    enum http_outcome outcome;
    uint16_t status;  /* 0: none came */
    uint16_t version; /* 10, 11, 20; 0: none came */
    bool reused;      /* no new connection was made */
    int64_t begin_us; /* since the probe's first request was started */
    int64_t dns_us, connect_us, tls_us, first_byte_us, total_us; /* as in struct http_timing */
    uint64_t body_bytes;                                         /* decoded */
};

/* Where the answers of two fleets to one check differ. Owned strings, made safe to show. */
struct probe_difference {
    uint32_t step;          /* from 0 */
    char *what, *old, *new; /* "status", "200", "404" */
};

/* What one probe found. Owned strings; clear with probe_result_clear(). Strings may hold foreign
 * bytes and secrets: reporters go through text_add_safe() and secret_redact_sink(). A pass carries
 * no strings unless keep_all, but a sentence where there is something to warn of. */
struct probe_result {
    uint32_t stratum;
    uint32_t suite, check, row;
    enum suite_side side;
    enum run_source source;
    uint32_t tag; /* of pump_ask() */
    enum run_verdict verdict;
    uint32_t attempts; /* above 1 with a pass: flaky */
    bool throttled;    /* 429 or Retry-After that nobody expected */
    bool unreached;    /* no packet came back: DNS, no route. Not evidence if nobody is reached */
    bool no_route;     /* this machine has no route to that address family: not probed */
    enum http_outcome outcome;        /* of the last request */
    uint16_t status;                  /* of the last request; 0 none */
    uint32_t step;                    /* index of the last request, the one that failed */
    uint32_t requests;                /* made in this attempt */
    int64_t latency_us;               /* of all requests of the flow together */
    int64_t started_ms, ended_ms;     /* boot clock, as given to pump_tick() and pump_take() */
    int64_t sent_at_us, done_at_us;   /* of the last request; clock_boot_us() */
    struct probe_exchange *exchanges; /* the first PUMP_EXCHANGES_MAX, of this attempt */
    uint32_t exchanges_n;

    /* failures and errors; with a pass, sentence and at alone: what `warn:` asks for and was not
     * met */
    char *sentence;            /* one plain sentence: "status is 502, expected 200" */
    char *met, *expected;      /* NULL where the sentence says all */
    const struct doc_node *at; /* the line of the suite that was not met; borrowed from the suite */
    char *method, *url;
    char *request_head, *request_body;
    char *response_head, *response_body; /* excerpt; NULL when none came */
    uint64_t response_bytes;
    char *remote; /* "203.0.113.5:443"; NULL never connected */
    char *curl;   /* a line to paste; secrets and captured values as "$NAME" */

    struct probe_difference *differences; /* filled by smoke --compare, never by the pump */
    uint32_t differences_n;
};

/* Compiles strata. ERR_FILE with the place of a host no endpoint covers or a url that cannot be;
 * ERR_REFUSED "nothing selected" when there is no stratum. suites, http and options.secrets are
 * borrowed until pump_free(); suite_secrets_load() must have been called. */
struct pump *pump_new(struct suite *const *suites, size_t suites_n, struct http *http,
                      const struct pump_options *options, struct err *err) SL_MUST_CHECK;
/* Cancels what is in flight; answers still to come through http_next() must go to pump_take()
 * before, or be cleared by the caller. NULL is fine. */
void pump_free(struct pump *pump);

uint32_t pump_strata_n(const struct pump *pump);
const struct pump_stratum *pump_stratum(const struct pump *pump, uint32_t stratum);
uint32_t pump_cells_n(const struct pump *pump);
uint32_t
pump_hosts_n(const struct pump *pump); /* different origins, for http_config.connections_max */
/* "203.0.113.5" as given, or NULL when the stratum is not pinned. */
const char *pump_endpoint_address(const struct pump *pump, uint32_t stratum);
/* "sign in", "tenant acme". */
void pump_title(const struct pump *pump, uint32_t stratum, struct buf *out);

/* An https origin and one endpoint that takes its requests. Borrowed for the call. */
struct pump_origin {
    const char *host; /* as in the url: the name that is to stand in the certificate */
    uint16_t port;
    const char *connect_to;                     /* as in struct http_request */
    const char *ca_file, *cert_file, *key_file; /* NULL: as in struct http_request */
};
typedef bool pump_origin_fn(void *ctx, const struct pump_origin *origin); /* false: no more */
/* Tells every https origin that required checks of a side ask, with each endpoint of it: each pair
 * once, in the order of the strata. Origins that only a captured url leads to are not known yet. */
void pump_origins(const struct pump *pump, enum suite_side side, pump_origin_fn *tell, void *ctx);

/* See run.h. filter NULL: all. `from:` does not hold a sweep back, only turns. */
uint32_t pump_sweep(struct pump *pump, run_filter *filter, void *ctx);
/* As pump_sweep(), but what ran waits until its `every` is over. */
uint32_t pump_sweep_due(struct pump *pump, run_filter *filter, void *ctx, int64_t now_ms);
void pump_rate(struct pump *pump, uint32_t rate_milli, int64_t now_ms);
void pump_percent(struct pump *pump, uint32_t percent);
bool pump_ask(struct pump *pump, uint32_t stratum, int64_t at_ms, uint32_t tag);
/* Takes a stratum out of sweeps and turns (no route to its family), or back in. */
void pump_switch(struct pump *pump, uint32_t stratum, bool on);
/* Drops what waits and cancels what flies; cancelled probes give no result. Those that have
 * `finally:` steps go on with these: how many do. They are done when pump_flying() is 0, or are
 * given up by pump_free(). */
uint32_t pump_stop(struct pump *pump);

/* Starts what is due. now_ms: boot clock. */
void pump_tick(struct pump *pump, int64_t now_ms);
/* True when the answer was the pump's; its response is the pump's then. May start the flow's next
 * request. */
bool pump_take(struct pump *pump, struct http_done *done, int64_t now_ms);
/* False when no result waits. */
bool pump_next(struct pump *pump, struct probe_result *out);
/* When pump_tick() should be called next, if no answer comes; INT64_MAX: never. */
int64_t pump_wake_at(const struct pump *pump, int64_t now_ms);
/* Nothing in flight, nothing to come. */
bool pump_idle(const struct pump *pump);
uint32_t pump_flying(const struct pump *pump);

void probe_result_clear(struct probe_result *result);

#endif
