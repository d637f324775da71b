/* pump: probes pinned to the endpoints of two sides, against two small forked servers. Loopback
 * only. */
#include "sluice/pump.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sluice/text.h"
#include "test.h"

#define DEADLINE_MS 20000

/* ---- two servers
 * ----------------------------------------------------------------------------------- */

static pid_t pids[2];
static uint16_t ports[2];

/* Answers every request with its name and the Host it was asked for; /bad-NAME is 500 on that side,
 * /busy 429. */
static void serve(int listener, const char *name)
{
    for (;;) {
        char in[8192] = "", out[512], body[256], *host;
        int fd = accept(listener, NULL, NULL);
        size_t n = 0;
        bool bad;

        if (fd < 0)
            _exit(1);
        while (!strstr(in, "\r\n\r\n") && n < sizeof in - 1) {
            ssize_t got = read(fd, in + n, sizeof in - 1 - n);

            if (got <= 0)
                break;
            n += (size_t)got;
        }
        host = strstr(in, "Host: ");
        snprintf(body, sizeof body, "%s %.*s", name, host ? (int)strcspn(host + 6, "\r") : 0,
                 host ? host + 6 : "");
        bad = strstr(in, "/bad-") && strstr(in, "/bad-") < strchr(in, '\r') &&
              strncmp(strstr(in, "/bad-") + 5, name, 3) == 0;
        snprintf(out, sizeof out,
                 "HTTP/1.1 %s\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s",
                 bad                     ? "500 Bad"
                 : strstr(in, " /busy ") ? "429 Busy"
                                         : "200 OK",
                 strlen(body), body);
        if (write(fd, out, strlen(out)) < 0)
            _exit(1);
        close(fd);
    }
}

static int start_servers(void **state)
{
    static const char *const names[] = {"old", "new"};

    (void)state;
    for (int i = 0; i < 2; i++) {
        struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
        socklen_t len = sizeof at;
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        if (fd < 0 || bind(fd, (struct sockaddr *)&at, len) != 0 || listen(fd, 64) != 0 ||
            getsockname(fd, (struct sockaddr *)&at, &len) != 0)
            return -1;
        ports[i] = ntohs(at.sin_port);
        pids[i] = fork();
        if (pids[i] == 0)
            serve(fd, names[i]);
        close(fd);
    }
    return 0;
}

static int stop_servers(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        kill(pids[i], SIGKILL);
        waitpid(pids[i], NULL, 0);
    }
    return 0;
}

/* ---- bench
 * ----------------------------------------------------------------------------------------- */

struct bench {
    struct suite suite;
    struct suite *list[1];
    struct pump_endpoint endpoints[8];
    struct pump_options options;
    struct http *http;
    struct pump *pump;
};

static void set_up(struct bench *b, const char *checks)
{
    struct buf text SL_CLEANUP(buf_clear) = {0};
    struct err err = {0};
    const struct doc *doc;

    memset(b, 0, sizeof *b);
    b->list[0] = &b->suite;
    buf_addf(&text, "version: 1\nbase_url: http://www.shop.test\nmatrix: {t: [a, b]}\nchecks:\n%s",
             checks);
    doc = doc_parse(&b->suite.doc_mem, "t.yaml", &text, &err);
    if (!doc || !suite_decode(&b->suite, doc_root(doc), NULL, NULL, &err))
        fail_msg("%u:%u: %s", err.line, err.col, err.text);
    for (int side = 0; side < 2; side++) {
        b->endpoints[side] = (struct pump_endpoint){(enum suite_side)side, "www.shop.test",
                                                    "127.0.0.1", ports[side]};
        b->endpoints[2 + side] =
            (struct pump_endpoint){(enum suite_side)side, "*.shops.test", "127.0.0.1", ports[side]};
    }
    b->options.endpoints = b->endpoints;
    b->options.endpoints_n = 4;
    b->options.no_retries = true;
    b->options.keep_all = true;
    b->http = http_new(&(struct http_config){0}, &err);
    assert_non_null(b->http);
}

static bool open_pump(struct bench *b, struct err *err)
{
    b->pump = pump_new(b->list, 1, b->http, &b->options, err);
    return b->pump != NULL;
}

static void must_open(struct bench *b)
{
    struct err err = {0};

    if (!open_pump(b, &err))
        fail_msg("%u:%u: %s", err.line, err.col, err.text);
}

static void tear_down(struct bench *b)
{
    pump_free(b->pump);
    http_free(b->http);
    suite_clear(&b->suite);
}

/* One turn of the loop. False when the pump is idle. */
static bool turn(struct bench *b, int64_t now, int wait)
{
    struct http_done done;
    struct err err = {0};

    pump_tick(b->pump, now);
    if (pump_idle(b->pump))
        return false;
    assert_true(http_wait(b->http, NULL, 0, wait, &err));
    while (http_next(b->http, &done))
        assert_true(pump_take(b->pump, &done, now));
    return true;
}

/* Runs until idle, keeps the results in order of strata. at_ms: the time it is all the while; 0: it goes on. */
static void run_at(struct bench *b, int64_t at_ms, struct probe_result *out, size_t n)
{
    int64_t end = clock_boot_ms(&clock_real) + DEADLINE_MS;
    struct probe_result r;

    while (turn(b, at_ms ? at_ms : clock_boot_ms(&clock_real), 100)) {
        assert_true(clock_boot_ms(&clock_real) < end);
        while (pump_next(b->pump, &r)) {
            assert_true(r.stratum < n);
            probe_result_clear(&out[r.stratum]);
            out[r.stratum] = r;
        }
    }
}

static void run_all(struct bench *b, struct probe_result *out, size_t n)
{
    run_at(b, 0, out, n);
}

static void clear_all(struct probe_result *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        probe_result_clear(&list[i]);
}

/* ---- tests
 * ----------------------------------------------------------------------------------------- */

TEST(every_request_goes_to_its_records_endpoint_with_the_real_host)
{
    struct bench b;
    struct probe_result r[6] = {0};
    static const char *const want[] = {"old www.shop.test", "new www.shop.test",
                                       "old a.shops.test",  "new a.shops.test",
                                       "old b.shops.test",  "new b.shops.test"};

    set_up(&b, "  - {name: a, request: {get: /}}\n  - {name: 't {{t}}', request: {get: "
               "'http://{{t}}.shops.test/'}}\n");
    must_open(&b);
    assert_int_equal(pump_strata_n(b.pump), 6);
    assert_int_equal(pump_cells_n(b.pump), 3);
    assert_int_equal(pump_sweep(b.pump, NULL, NULL), 6);
    run_all(&b, r, 6);
    for (int i = 0; i < 6; i++) {
        assert_int_equal(r[i].verdict, RUN_PASS);
        assert_string_equal(r[i].response_body, want[i]);
        assert_int_equal(r[i].side, i % 2);
        assert_int_equal(pump_stratum(b.pump, (uint32_t)i)->twin, (uint32_t)(i ^ 1));
    }
    clear_all(r, 6);
    tear_down(&b);
}

TEST(a_failure_of_one_side_is_that_sides_alone)
{
    struct bench b;
    struct probe_result r[2] = {0};

    set_up(&b, "  - {name: a, request: {get: /bad-new}}\n");
    must_open(&b);
    pump_sweep(b.pump, NULL, NULL);
    run_all(&b, r, 2);
    assert_int_equal(r[0].verdict, RUN_PASS);
    assert_int_equal(r[1].verdict, RUN_FAIL);
    assert_string_equal(r[1].sentence, "status is 500, expected 2xx");
    assert_int_equal(r[1].at->pos.line, 5);
    assert_non_null(strstr(r[1].curl, "--connect-to ::127.0.0.1:"));
    assert_non_null(r[1].remote);
    clear_all(r, 2);
    tear_down(&b);
}

TEST(an_address_nobody_listens_at_fails_and_the_other_endpoint_does_not)
{
    struct bench b;
    struct probe_result r[3] = {0};

    set_up(&b, "  - {name: a, request: {get: /}}\n");
    b.endpoints[4] = (struct pump_endpoint){SUITE_NEW, "WWW.shop.test", "127.0.0.1", 1};
    b.options.endpoints_n = 5;
    must_open(&b);
    assert_int_equal(pump_strata_n(b.pump), 3);
    pump_sweep(b.pump, NULL, NULL);
    run_all(&b, r, 3);
    assert_int_equal(r[1].verdict, RUN_PASS);
    assert_int_equal(r[2].verdict, RUN_FAIL);
    assert_int_equal(r[2].outcome, HTTP_REFUSED);
    assert_false(r[2].unreached);
    assert_string_equal(pump_endpoint_address(b.pump, 2), "127.0.0.1");
    clear_all(r, 3);
    tear_down(&b);
}

TEST(a_host_no_record_covers_is_an_error_with_its_place)
{
    struct bench b;
    struct err err = {0};

    set_up(&b, "  - {name: a, request: {get: 'http://else.test/'}}\n");
    assert_false(open_pump(&b, &err));
    assert_int_equal(err.kind, ERR_FILE);
    assert_int_equal(err.line, 5);
    assert_string_equal(
        err.text,
        "no record of the plan covers else.test; add 'pin: RECORD' or 'via: dns' to this check");
    tear_down(&b);
}

TEST(pin_names_the_record_and_via_dns_is_no_evidence)
{
    struct bench b;
    struct probe_result r[3] = {0};

    set_up(&b, "  - {name: a, pin: www.shop.test, request: {get: 'http://else.test/'}}\n"
               "  - {name: b, via: dns, request: {get: 'http://127.0.0.1:1/'}}\n");
    must_open(&b);
    assert_int_equal(pump_strata_n(b.pump), 3);
    assert_true(pump_stratum(b.pump, 0)->required);
    assert_false(pump_stratum(b.pump, 2)->required);
    assert_int_equal(pump_stratum(b.pump, 2)->twin, RUN_NONE);
    pump_sweep(b.pump, NULL, NULL);
    run_all(&b, r, 3);
    assert_string_equal(r[1].response_body, "new else.test");
    assert_int_equal(r[2].outcome, HTTP_REFUSED);
    clear_all(r, 3);
    tear_down(&b);
}

TEST(sides_severity_and_known_bad_shape_the_strata)
{
    struct bench b;

    set_up(&b, "  - {name: a, sides: new, request: {get: /}}\n  - {name: b, severity: warn, "
               "request: {get: /}}\n"
               "  - {name: c, known_bad: true, from: 10%, request: {post: /, body: x}}\n");
    must_open(&b);
    assert_int_equal(pump_strata_n(b.pump), 5);
    assert_int_equal(pump_stratum(b.pump, 0)->side, SUITE_NEW);
    assert_false(pump_stratum(b.pump, 1)->required);
    assert_false(pump_stratum(b.pump, 3)->required);
    assert_int_equal(pump_stratum(b.pump, 3)->from_percent, 10);
    assert_false(pump_stratum(b.pump, 3)->reads_only);
    assert_int_equal(pump_stratum(b.pump, 3)->every_ms, 30000);
    tear_down(&b);
}

TEST(asks_come_back_with_their_tag_and_throttling_is_told)
{
    struct bench b;
    struct probe_result r[2] = {0};

    set_up(&b, "  - {name: a, request: {get: /busy}}\n");
    must_open(&b);
    assert_true(pump_ask(b.pump, 1, 0, 42));
    run_all(&b, r, 2);
    assert_int_equal(r[1].source, RUN_ASK);
    assert_int_equal(r[1].tag, 42);
    assert_int_equal(r[1].verdict, RUN_ERROR);
    assert_true(r[1].throttled);
    clear_all(r, 2);
    tear_down(&b);
}

TEST(turns_go_on_until_the_rate_is_nought_and_stopping_gives_no_results)
{
    struct bench b;
    struct probe_result r;
    int64_t now = 1000, end = clock_boot_ms(&clock_real) + DEADLINE_MS;
    uint32_t n = 0;

    set_up(&b, "  - {name: a, every: 100ms, request: {get: /}}\n");
    must_open(&b);
    pump_rate(b.pump, 10000, now);
    /* the pump's clock is made by hand: each answer moves it to when the next turn is due */
    while (n < 10) {
        assert_true(clock_boot_ms(&clock_real) < end);
        turn(&b, now, 50);
        while (pump_next(b.pump, &r)) {
            n++;
            probe_result_clear(&r);
        }
        if (pump_flying(b.pump) == 0)
            now = pump_wake_at(b.pump, now);
    }
    assert_true(now >= 1400 && now <= 1600);
    pump_tick(b.pump, now + 200);
    assert_true(pump_flying(b.pump) > 0);
    pump_stop(b.pump);
    while (turn(&b, now + 200, 50))
        ;
    assert_false(pump_next(b.pump, &r));
    tear_down(&b);
}

#define LENDING                                                                                    \
    "  - {name: own, needs: who, request: {get: '/x-{{who}}'}, expect: {body: {starts_with: "      \
    "'{{who}}'}}}\n"                                                                               \
    "  - {name: who, request: {get: %s}, capture: {who: {regex: '^[a-z]+'}}}\n"

TEST(what_a_check_lends_stays_on_its_side)
{
    struct bench b;
    struct probe_result r[4] = {0};
    char checks[400];

    snprintf(checks, sizeof checks, LENDING, "/");
    set_up(&b, checks);
    must_open(&b);
    assert_int_equal(pump_sweep(b.pump, NULL, NULL), 4);
    run_all(&b, r, 4);
    for (int i = 0; i < 4; i++)
        if (r[i].verdict != RUN_PASS)
            fail_msg("%d: %s", i, r[i].sentence);
    assert_non_null(strstr(r[0].url, "/x-old"));
    assert_non_null(strstr(r[1].url, "/x-new"));
    clear_all(r, 4);
    tear_down(&b);
}

TEST(a_lender_that_fails_on_one_side_costs_that_side_its_borrowers)
{
    struct bench b;
    struct probe_result r[4] = {0};
    char checks[400];

    snprintf(checks, sizeof checks, LENDING, "/bad-new");
    set_up(&b, checks);
    must_open(&b);
    pump_sweep(b.pump, NULL, NULL);
    run_all(&b, r, 4);
    assert_int_equal(r[0].verdict, RUN_PASS);
    assert_int_equal(r[2].verdict, RUN_PASS);
    assert_int_equal(r[3].verdict, RUN_FAIL);
    assert_int_equal(r[1].verdict, RUN_ERROR);
    assert_string_equal(r[1].sentence, "not asked: it needs 'who', which did not pass");
    clear_all(r, 4);
    tear_down(&b);
}

static void told_origin(struct buf *out, const struct pump_origin *o)
{
    buf_addf(out, "%s:%u at %s\n", o->host, o->port, o->connect_to);
}

static bool tell_origin(void *ctx, const struct pump_origin *o)
{
    told_origin(ctx, o);
    return true;
}

static bool tell_one_origin(void *ctx, const struct pump_origin *o)
{
    told_origin(ctx, o);
    return false;
}

TEST(every_https_origin_of_a_side_is_told_once_with_each_endpoint)
{
    struct buf told SL_CLEANUP(buf_clear) = {0}, first SL_CLEANUP(buf_clear) = {0};
    struct bench b;

    set_up(&b, "  - {name: a, request: {get: 'https://www.shop.test/'}}\n"
               "  - {name: b, request: {get: 'https://www.shop.test/b'}}\n"
               "  - {name: plain, request: {get: /}}\n"
               "  - {name: warns, severity: warn, request: {get: 'https://c.shops.test/'}}\n"
               "  - {name: '{{t}}', steps: [{request: {get: /}}, {request: {get: "
               "'https://{{t}}.shops.test:8443/'}}]}\n");
    for (int i = 0; i < 4; i++)
        b.endpoints[i].port = 0;
    b.endpoints[4] = (struct pump_endpoint){SUITE_NEW, "www.shop.test", "2001:db8::1", 0};
    b.options.endpoints_n = 5;
    must_open(&b);
    pump_origins(b.pump, SUITE_NEW, tell_origin, &told);
    assert_string_equal(buf_str(&told), "www.shop.test:443 at 127.0.0.1:443\n"
                                        "www.shop.test:443 at [2001:db8::1]:443\n"
                                        "a.shops.test:8443 at 127.0.0.1:8443\n"
                                        "b.shops.test:8443 at 127.0.0.1:8443\n");
    pump_origins(b.pump, SUITE_NEW, tell_one_origin, &first);
    assert_string_equal(buf_str(&first), "www.shop.test:443 at 127.0.0.1:443\n");
    tear_down(&b);
}

TEST(a_step_of_the_other_side_goes_there)
{
    struct bench b;
    struct probe_result r[4] = {0};

    set_up(&b, "  - name: crosses\n    steps:\n"
               "      - {request: {get: /}, expect: {body: {starts_with: '{{side}} '}}}\n"
               "      - {request: {get: /}, side: other, expect: {body: {not: {starts_with: "
               "'{{side}} '}}}}\n"
               "  - {name: stays, request: {get: /}}\n");
    must_open(&b);
    assert_true(pump_stratum(b.pump, 0)->crosses && !pump_stratum(b.pump, 0)->required);
    assert_true(!pump_stratum(b.pump, 2)->crosses && pump_stratum(b.pump, 2)->required);
    pump_sweep(b.pump, NULL, NULL);
    run_all(&b, r, 4);
    for (int i = 0; i < 4; i++)
        assert_int_equal(r[i].verdict, RUN_PASS);
    clear_all(r, 4);
    tear_down(&b);
}

TEST(a_step_of_the_other_side_wants_endpoints_there)
{
    struct bench b;
    struct err err = {0};

    set_up(&b, "  - {name: a, sides: old, request: {get: 'http://a.shops.test/'}}\n"
               "  - {name: c, needs: a, sides: old, request: {get: 'http://a.shops.test/'}, side: "
               "other}\n");
    b.options.endpoints_n = 3; /* *.shops.test has none on the new side */
    assert_false(open_pump(&b, &err));
    assert_string_equal(err.text, "*.shops.test has no endpoint on the new side");
    tear_down(&b);
}

/* A fleet that has no certificate: every handshake ends with an alert, and is counted. */
static pid_t start_alerts(uint16_t *port, int *counter)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    static const char alert[] = "\x15\x03\x03\x00\x02\x02\x50"; /* fatal, internal_error */
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), pipes[2];
    pid_t pid;

    assert_int_equal(pipe(pipes), 0);
    assert_true(fd >= 0 && bind(fd, (struct sockaddr *)&at, len) == 0 && listen(fd, 64) == 0 &&
                getsockname(fd, (struct sockaddr *)&at, &len) == 0);
    *port = ntohs(at.sin_port);
    pid = fork();
    if (pid == 0)
        for (;;) {
            int c = accept(fd, NULL, NULL);
            char in[4096];

            if (c < 0 || read(c, in, sizeof in) < 0 || write(c, alert, 7) < 0 ||
                write(pipes[1], "x", 1) < 0)
                _exit(1);
            close(c);
        }
    close(fd);
    close(pipes[1]);
    *counter = pipes[0];
    return pid;
}

TEST(an_endpoint_whose_handshake_failed_is_left_alone_for_a_moment)
{
    struct bench b;
    struct probe_result r[6] = {0};
    uint16_t port;
    char seen[64];
    int counter, i;
    pid_t pid = start_alerts(&port, &counter);

    set_up(&b, "  - {name: a, request: {get: 'https://www.shop.test/'}, sides: new}\n"
               "  - {name: b, request: {get: 'https://www.shop.test/'}, sides: new}\n"
               "  - {name: c, request: {get: 'https://www.shop.test/'}, sides: new}\n");
    b.endpoints[1].port = port;
    b.options.jobs = 1;
    must_open(&b);
    pump_sweep(b.pump, NULL, NULL);
    run_at(&b, clock_boot_ms(&clock_real), r, 6); /* a machine may be slower than the moment is long */
    for (i = 0; i < 3; i++) {
        assert_int_equal(r[i].verdict, RUN_FAIL);
        assert_int_equal(r[i].requests, i == 0); /* the others are told what the first found */
        assert_non_null(strstr(r[i].sentence, "no TLS with"));
    }
    clear_all(r, 6);
    memset(r, 0, sizeof r);
    pump_rate(b.pump, 1000, clock_boot_ms(&clock_real) + 60000); /* turns, a minute later */
    pump_tick(b.pump, clock_boot_ms(&clock_real) + 60000);
    assert_int_equal(pump_flying(b.pump), 1);
    pump_stop(b.pump);
    pump_free(b.pump);
    b.pump = NULL;
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    assert_int_equal(read(counter, seen, sizeof seen), 1);
    close(counter);
    tear_down(&b);
}

TEST(nobody_waits_for_a_lender_that_is_switched_off)
{
    struct bench b;
    struct probe_result r[6] = {0};
    char checks[500];

    snprintf(checks, sizeof checks, LENDING "  - {name: more, needs: own, request: {get: /}}\n",
             "/");
    set_up(&b, checks);
    must_open(&b);
    pump_switch(b.pump, 3, false); /* who, new */
    pump_sweep(b.pump, NULL, NULL);
    run_all(&b, r, 6);
    assert_int_equal(r[0].verdict, RUN_PASS);
    assert_int_equal(r[4].verdict, RUN_PASS);
    assert_int_equal(r[1].verdict, RUN_ERROR);
    assert_string_equal(r[5].sentence, "not asked: it needs 'own', which did not pass");
    clear_all(r, 6);
    tear_down(&b);
}

TEST(another_endpoint_of_the_side_may_still_lend)
{
    struct bench b;
    struct probe_result r[6] = {0};
    char checks[400];

    snprintf(checks, sizeof checks, LENDING, "/");
    set_up(&b, checks);
    b.endpoints[4] = (struct pump_endpoint){SUITE_NEW, "www.shop.test", "127.0.0.1", 1};
    b.options.endpoints_n = 5;
    must_open(&b);
    pump_sweep(b.pump, NULL, NULL);
    run_all(&b, r, 6);
    assert_int_equal(r[5].verdict, RUN_FAIL); /* who, at the endpoint that refuses */
    assert_int_equal(r[1].verdict, RUN_PASS);
    assert_int_equal(r[2].outcome, HTTP_REFUSED); /* own was asked there, with what was lent */
    clear_all(r, 6);
    tear_down(&b);
}

TEST(turns_take_a_borrower_only_after_its_lender_has_passed)
{
    struct bench b;
    struct probe_result r;
    int64_t now = 1000, end = clock_boot_ms(&clock_real) + DEADLINE_MS;
    bool lent[2] = {false, false};
    char checks[400];
    uint32_t n = 0;

    snprintf(checks, sizeof checks, LENDING, "/");
    set_up(&b, checks);
    must_open(&b);
    pump_rate(b.pump, 10000, now);
    while (n < 12) {
        assert_true(clock_boot_ms(&clock_real) < end);
        turn(&b, now, 50);
        while (pump_next(b.pump, &r)) {
            assert_int_equal(r.verdict, RUN_PASS);
            lent[r.side] |= r.check == 1;
            assert_true(lent[r.side]);
            n += r.check == 0;
            probe_result_clear(&r);
        }
        if (pump_flying(b.pump) == 0)
            now = pump_wake_at(b.pump, now);
    }
    tear_down(&b);
}

TEST(a_check_whose_target_only_a_capture_knows_wants_a_pin)
{
    static const char *const checks[] = {
        "  - {name: far, needs: who, request: {get: '{{who}}'}}\n",
        "  - {name: far, needs: who, pin: www.shop.test, request: {get: '{{who}}'}}\n"};
    static const char lender[] =
        "  - {name: who, request: {get: /}, capture: {who: {regex: '^[a-z]+'}}}\n";

    for (size_t i = 0; i < ARRAY_LEN(checks); i++) {
        struct bench b;
        struct err err = {0};
        char text[400];

        snprintf(text, sizeof text, "%s%s", checks[i], lender);
        set_up(&b, text);
        assert_int_equal(open_pump(&b, &err), i == 1);
        if (i == 0)
            assert_non_null(strstr(err.text, "add 'pin: RECORD' or 'via: dns'"));
        else
            assert_true(pump_stratum(b.pump, 0)->endpoint != RUN_NONE);
        tear_down(&b);
    }
}

TEST(setup_and_teardown_are_not_for_plans)
{
    struct bench b;
    struct err err = {0};

    set_up(&b, "  - {name: a, request: {get: /}}\nsetup:\n  - {name: s, request: {get: /}}\n");
    assert_false(open_pump(&b, &err));
    assert_non_null(strstr(err.text, "setup and teardown are for the program smoke"));
    assert_int_equal(err.line, 7);
    tear_down(&b);
}

TEST(freeing_with_requests_in_flight_is_fine)
{
    struct bench b;

    set_up(&b, "  - {name: a, request: {get: /}}\n");
    must_open(&b);
    pump_sweep(b.pump, NULL, NULL);
    pump_tick(b.pump, 0);
    assert_true(pump_flying(b.pump) > 0);
    tear_down(&b);
}

TEST(overlong_and_broken_urls_are_found_before_anything_is_sent)
{
    struct bench b;
    struct err err = {0};

    set_up(&b, "  - {name: 'x {{t}}', request: {get: 'http://{{t}} {{t}}.shops.test/'}}\n");
    assert_false(open_pump(&b, &err));
    assert_int_equal(err.kind, ERR_FILE);
    assert_int_equal(err.line, 5);
    tear_down(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_request_goes_to_its_records_endpoint_with_the_real_host),
        cmocka_unit_test(a_failure_of_one_side_is_that_sides_alone),
        cmocka_unit_test(an_address_nobody_listens_at_fails_and_the_other_endpoint_does_not),
        cmocka_unit_test(a_host_no_record_covers_is_an_error_with_its_place),
        cmocka_unit_test(pin_names_the_record_and_via_dns_is_no_evidence),
        cmocka_unit_test(sides_severity_and_known_bad_shape_the_strata),
        cmocka_unit_test(asks_come_back_with_their_tag_and_throttling_is_told),
        cmocka_unit_test(turns_go_on_until_the_rate_is_nought_and_stopping_gives_no_results),
        cmocka_unit_test(what_a_check_lends_stays_on_its_side),
        cmocka_unit_test(a_lender_that_fails_on_one_side_costs_that_side_its_borrowers),
        cmocka_unit_test(every_https_origin_of_a_side_is_told_once_with_each_endpoint),
        cmocka_unit_test(a_step_of_the_other_side_goes_there),
        cmocka_unit_test(a_step_of_the_other_side_wants_endpoints_there),
        cmocka_unit_test(an_endpoint_whose_handshake_failed_is_left_alone_for_a_moment),
        cmocka_unit_test(nobody_waits_for_a_lender_that_is_switched_off),
        cmocka_unit_test(another_endpoint_of_the_side_may_still_lend),
        cmocka_unit_test(turns_take_a_borrower_only_after_its_lender_has_passed),
        cmocka_unit_test(a_check_whose_target_only_a_capture_knows_wants_a_pin),
        cmocka_unit_test(setup_and_teardown_are_not_for_plans),
        cmocka_unit_test(freeing_with_requests_in_flight_is_fine),
        cmocka_unit_test(overlong_and_broken_urls_are_found_before_anything_is_sent),
    };

    return cmocka_run_group_tests_name("pump", tests, start_servers, stop_servers);
}
