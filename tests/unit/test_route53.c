/* route53.c, route53_judge.c, route53_wait.c, router_route53.c against a scripted server: a thread
 * that answers with what the test laid out and keeps what it was sent. The clock is turned by hand.
 */
#include "route53.h"
#include "router_route53.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "sluice/arena.h"
#include "sluice/common.h"
#include "sluice/file.h"
#include "sluice/sigv4.h"
#include "sluice/text.h"
#include "test.h"

#define REPLIES_MAX 16
#define REQUEST_MAX 65536
#define WALL_MS     INT64_C(1795428000000) /* 2026-11-23T10:00:00Z */

struct canned {
    int status; /* 0: closes without a word; below 0: answers -status and keeps the connection */
    const char *body;
    int date_s; /* offset of the Date header against WALL_MS */
};

static struct {
    int fd, port;
    pthread_t thread;
    struct canned replies[REPLIES_MAX];
    char requests[REPLIES_MAX][REQUEST_MAX];
    int n; /* requests answered; read after the answers are in */
} server;

static void read_request(int fd, char *out)
{
    size_t used = 0, want = 0;

    for (;;) {
        ssize_t n = read(fd, out + used, REQUEST_MAX - 1 - used);
        const char *end, *length;

        if (n <= 0)
            break;
        used += (size_t)n;
        out[used] = '\0';
        end = strstr(out, "\r\n\r\n");
        if (!end)
            continue;
        length = strcasestr(out, "content-length: ");
        want =
            (size_t)(end + 4 - out) + (length && length < end ? strtoul(length + 16, NULL, 10) : 0);
        if (used >= want)
            break;
    }
    out[used] = '\0';
}

/* One request and its answer; false when the connection is to be closed. */
static bool serve_one(int fd)
{
    const struct canned *c = &server.replies[server.n % REPLIES_MAX];
    char date[64];
    time_t t = (time_t)(WALL_MS / 1000) + c->date_s;
    struct tm tm;

    read_request(fd, server.requests[server.n % REPLIES_MAX]);
    if (!server.requests[server.n % REPLIES_MAX][0]) /* connected, and thought better of it */
        return false;
    server.n++;
    strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&t, &tm));
    if (c->status)
        dprintf(fd, "HTTP/1.1 %d X\r\nDate: %s\r\nContent-Length: %zu\r\nConnection: %s\r\n\r\n%s",
                abs(c->status), date, strlen(c->body), c->status < 0 ? "keep-alive" : "close",
                c->body);
    return c->status < 0;
}

static void *serve(void *arg)
{
    (void)arg;
    for (;;) {
        int fd = accept(server.fd, NULL, NULL);

        if (fd < 0)
            return NULL;
        while (serve_one(fd))
            continue;
        close(fd);
    }
}

struct rig {
    struct http *http;
    struct clock clock;
    struct credentials credentials;
    char endpoint[64];
    struct route53_config config;
    struct router router;
};

static int set_up(void **state)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    struct rig *rig = x_zalloc(sizeof *rig);
    struct http_config config = {0};
    struct err err = {0};

    memset(&server, 0, sizeof server);
    server.fd = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(server.fd, (struct sockaddr *)&a, len) < 0 || listen(server.fd, 16) < 0 ||
        getsockname(server.fd, (struct sockaddr *)&a, &len) < 0)
        return -1;
    server.port = ntohs(a.sin_port);
    pthread_create(&server.thread, NULL, serve, NULL);
    rig->http = http_new(&config, &err);
    rig->clock = (struct clock){.manual = true, .boot_ms = 1000000, .wall_ms = WALL_MS};
    snprintf(rig->endpoint, sizeof rig->endpoint, "http://127.0.0.1:%d", server.port);
    if (!rig->http || !credentials_set(&rig->credentials, "test", "AKID", "secret", "token", &err))
        return -1;
    rig->config = (struct route53_config){.http = rig->http,
                                          .clock = &rig->clock,
                                          .endpoint = rig->endpoint,
                                          .signing_region = "us-east-1",
                                          .credentials = &rig->credentials};
    *state = rig;
    return 0;
}

static int tear_down(void **state)
{
    struct rig *rig = *state;

    if (rig->router.ops)
        rig->router.ops->free(rig->router.self);
    http_free(rig->http);
    credentials_clear(&rig->credentials);
    shutdown(server.fd, SHUT_RDWR);
    pthread_join(server.thread, NULL);
    close(server.fd);
    free(rig);
    return 0;
}

static void start(struct rig *rig)
{
    rig->router = router_route53_new(route53_new(&rig->config));
}

/* One answer of the router; the clock jumps to whatever is waited for. */
static struct router_answer answer(struct rig *rig)
{
    struct router_answer a;
    struct err err = {0};

    while (!rig->router.ops->next(rig->router.self, &a)) {
        struct http_done done;
        int64_t at = router_route53_wake_at(rig->router.self);

        if (http_active(rig->http) == 0 && at != INT64_MAX && at > rig->clock.boot_ms)
            clock_advance(&rig->clock, at - rig->clock.boot_ms);
        else if (!http_wait(rig->http, NULL, 0, 5000, &err))
            fail_msg("%s", err.text);
        while (http_next(rig->http, &done))
            assert_true(router_route53_take(rig->router.self, &done));
    }
    return a;
}

static const char change_ok[] =
    "<ChangeResourceRecordSetsResponse><ChangeInfo><Id>/change/C1</Id>"
    "<Status>PENDING</Status></ChangeInfo></ChangeResourceRecordSetsResponse>";

static struct router_answer change(struct rig *rig, bool urgent)
{
    static const char *const values[] = {"192.0.2.1"};
    struct rrset set = {.name = "www.example.com.",
                        .type = "A",
                        .set_id = "old",
                        .weighted = true,
                        .has_ttl = true,
                        .ttl = 60,
                        .values = values,
                        .n_values = 1};
    struct router_change changes[] = {{ROUTER_UPSERT, &set, 10}};
    struct router_batch batch = {"Z1", "c", changes, 1, urgent};

    rig->router.ops->change(rig->router.self, 7, &batch);
    return answer(rig);
}

/* The value of a request header, as the server got it. */
static char *header(int i, const char *name)
{
    static char value[4096];
    char line[64];
    const char *at;

    snprintf(line, sizeof line, "\r\n%s: ", name);
    at = strcasestr(server.requests[i], line);
    if (!at)
        return NULL;
    at += strlen(line);
    snprintf(value, sizeof value, "%.*s", (int)strcspn(at, "\r"), at);
    return value;
}

TEST(what_is_signed_is_what_goes_on_the_wire)
{
    struct rig *rig = *state;
    struct router_list want = {.zone_id = "Z1", .name = "\\052.example.com.", .type = "CNAME"};
    struct sigv4_pair query[] = {
        {"type", "CNAME"}, {"name", "\\052.example.com."}, {"maxitems", "300"}};
    struct sigv4_pair headers[] = {{"host", rig->endpoint + 7},
                                   {"x-amz-date", "20261123T100000Z"},
                                   {"x-amz-security-token", "token"}};
    struct sigv4_request request = {.method = "GET",
                                    .path = "/2013-04-01/hostedzone/Z1/rrset",
                                    .query = query,
                                    .n_query = 3,
                                    .headers = headers,
                                    .n_headers = 3};
    struct sigv4_scope scope = {"20261123T100000Z", "us-east-1", "route53"};
    struct buf authorization SL_CLEANUP(buf_clear) = {0};
    struct router_answer a;
    struct err err = {0};

    server.replies[0] = (struct canned){200, "<ListResourceRecordSetsResponse/>", 0};
    start(rig);
    rig->router.ops->list(rig->router.self, 1, &want);
    a = answer(rig);
    assert_int_equal(a.outcome, ROUTER_OK);
    assert_int_equal(a.n_sets, 0);
    rig->router.ops->release(rig->router.self, &a);
    assert_true(text_starts_with(server.requests[0],
                                 "GET /2013-04-01/hostedzone/Z1/rrset?maxitems=300&"
                                 "name=%5C052.example.com.&type=CNAME HTTP/1.1\r\n"));
    assert_string_equal(header(0, "host"), rig->endpoint + 7);
    assert_null(header(0, "accept"));
    assert_true(sigv4_sign(&request, &scope, "AKID", "secret", NULL, &authorization, &err));
    assert_string_equal(header(0, "authorization"), buf_str(&authorization));
    assert_true(a.signed_ms == WALL_MS);
    assert_true(a.date_ms == WALL_MS);
    assert_true(a.sent_boot_us > 0);
}

TEST(a_change_is_posted_as_xml_and_gives_an_id)
{
    struct rig *rig = *state;
    struct router_answer a;

    server.replies[0] = (struct canned){200, change_ok, 0};
    start(rig);
    a = change(rig, false);
    assert_int_equal(a.outcome, ROUTER_OK);
    assert_int_equal(a.op_id, 7);
    assert_string_equal(a.change_id, "C1");
    assert_false(a.insync);
    assert_true(
        text_starts_with(server.requests[0], "POST /2013-04-01/hostedzone/Z1/rrset/ HTTP/1.1\r\n"));
    assert_string_equal(header(0, "content-type"), "text/xml");
    assert_non_null(strstr(server.requests[0], "<Weight>10</Weight>"));
    assert_null(header(0, "expect"));
}

TEST(a_change_id_is_polled)
{
    struct rig *rig = *state;

    server.replies[0] =
        (struct canned){200,
                        "<GetChangeResponse><ChangeInfo><Id>/change/C1</Id><Status>INSYNC"
                        "</Status></ChangeInfo></GetChangeResponse>",
                        0};
    start(rig);
    rig->router.ops->sync(rig->router.self, 3, "C1");
    assert_true(answer(rig).insync);
    assert_true(text_starts_with(server.requests[0], "GET /2013-04-01/change/C1 HTTP/1.1\r\n"));
}

#define SET(name, id)                                                                              \
    "<ResourceRecordSet><Name>" name "</Name><Type>A</Type><SetIdentifier>" id "</SetIdentifier>"  \
    "<Weight>1</Weight></ResourceRecordSet>"
#define PAGE(sets, rest)                                                                           \
    "<ListResourceRecordSetsResponse><ResourceRecordSets>" sets "</ResourceRecordSets>" rest       \
    "</ListResourceRecordSetsResponse>"
#define NEXT(name, id)                                                                             \
    "<IsTruncated>true</IsTruncated><NextRecordName>" name "</NextRecordName><NextRecordType>A"    \
    "</NextRecordType>" id
#define THROTTLED                                                                                  \
    "<ErrorResponse><Error><Code>Throttling</Code><Message>Rate "                                  \
    "exceeded</Message></Error></ErrorResponse>"

TEST(a_listing_goes_on_while_it_is_truncated)
{
    struct rig *rig = *state;
    struct router_list want = {.zone_id = "Z1"};
    struct router_answer a;

    server.replies[0] =
        (struct canned){200,
                        PAGE(SET("a.", "1") SET("b.", "1"),
                             NEXT("b.", "<NextRecordIdentifier>2</NextRecordIdentifier>")),
                        0};
    server.replies[1] = (struct canned){400, THROTTLED, 0};
    server.replies[2] = (struct canned){200, PAGE(SET("b.", "2"), NEXT("c.", "")), 0};
    server.replies[3] =
        (struct canned){200, PAGE(SET("c.", "1"), "<IsTruncated>false</IsTruncated>"), 0};
    start(rig);
    rig->router.ops->list(rig->router.self, 1, &want);
    a = answer(rig);
    assert_int_equal(a.outcome, ROUTER_OK);
    assert_int_equal(a.n_sets, 4);
    assert_string_equal(a.sets[2].set_id, "2");
    assert_string_equal(a.sets[3].name, "c.");
    rig->router.ops->release(rig->router.self, &a);
    assert_true(
        text_starts_with(server.requests[0], "GET /2013-04-01/hostedzone/Z1/rrset?maxitems=300 "));
    assert_non_null(strstr(server.requests[1], "?identifier=2&maxitems=300&name=b.&type=A "));
    assert_non_null(strstr(server.requests[2], "?identifier=2&maxitems=300&name=b.&type=A "));
    assert_non_null(strstr(server.requests[3], "?maxitems=300&name=c.&type=A "));
}

TEST(a_listing_of_one_group_stops_behind_it)
{
    struct rig *rig = *state;
    struct router_list want = {
        .zone_id = "Z1", .name = "b", .type = "A", .only_name = true, .only_type = true};
    struct router_answer a;

    server.replies[0] =
        (struct canned){200, PAGE(SET("b.", "1") SET("b.", "2") SET("c.", "1"), NEXT("d.", "")), 0};
    start(rig);
    rig->router.ops->list(rig->router.self, 1, &want);
    a = answer(rig);
    assert_int_equal(a.n_sets, 2);
    assert_int_equal(server.n, 1);
    rig->router.ops->release(rig->router.self, &a);
}

TEST(every_answer_has_one_outcome)
{
    static const struct {
        int status;
        const char *body;
        enum router_outcome outcome;
        const char *code;
    } rows[] = {
        {400,
         "<ErrorResponse><Error><Code>InvalidChangeBatch</Code><Message>m</Message></Error></"
         "ErrorResponse>",
         ROUTER_REFUSED, "InvalidChangeBatch"},
        {400, THROTTLED, ROUTER_BUSY, "Throttling"},
        {400,
         "<ErrorResponse><Error><Code>PriorRequestNotComplete</Code><Message>m</Message></Error>"
         "</ErrorResponse>",
         ROUTER_BUSY, "PriorRequestNotComplete"},
        {404,
         "<ErrorResponse><Error><Code>NoSuchHostedZone</Code><Message>m</Message></Error></"
         "ErrorResponse>",
         ROUTER_MISSING, "NoSuchHostedZone"},
        {403,
         "<ErrorResponse><Error><Code>AccessDenied</Code><Message>m</Message></Error></"
         "ErrorResponse>",
         ROUTER_DENIED, "AccessDenied"},
        {400,
         "<ErrorResponse><Error><Code>InvalidInput</Code><Message>m</Message></Error></"
         "ErrorResponse>",
         ROUTER_INVALID, "InvalidInput"},
        {500,
         "<ErrorResponse><Error><Code>InternalFailure</Code><Message>m</Message></Error></"
         "ErrorResponse>",
         ROUTER_UNKNOWN, "InternalFailure"},
        {503, "Service Unavailable", ROUTER_UNKNOWN, "HTTP 503"},
        {403, "<html><body>proxy</body></html>", ROUTER_UNKNOWN, "HTTP 403"},
        {302, "", ROUTER_UNKNOWN, "HTTP 302"},
        {200, "<html/>", ROUTER_UNKNOWN, "unreadable"},
        {0, "", ROUTER_UNKNOWN, "reset"},
    };
    struct rig *rig = *state;

    start(rig);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct router_answer a;

        server.replies[i] = (struct canned){rows[i].status, rows[i].body, 0};
        a = change(rig, true);
        assert_string_equal(a.code, rows[i].code);
        assert_int_equal(a.outcome, rows[i].outcome);
        assert_true(a.sent_boot_us > 0);
        if (a.outcome == ROUTER_DENIED)
            assert_string_equal(a.message,
                                "not allowed: UPSERT of www.example.com A; `sluice iam-policy` "
                                "prints what is needed; route53:ChangeResourceRecordSets: m");
    }
    assert_int_equal(server.n, ARRAY_LEN(rows));
}

TEST(a_change_is_never_repeated_on_another_connection)
{
    struct rig *rig = *state;
    struct router_answer a;

    server.replies[0] = (struct canned){-200, change_ok, 0};
    server.replies[1] = (struct canned){0, "", 0};
    server.replies[2] = (struct canned){200, change_ok, 0};
    start(rig);
    assert_int_equal(change(rig, false).outcome, ROUTER_OK);
    a = change(rig, true);
    assert_string_equal(a.code, "reset");
    assert_int_equal(a.outcome, ROUTER_UNKNOWN);
    assert_true(a.sent_boot_us > 0);
    assert_int_equal(server.n, 2);
}

TEST(nobody_listening_is_unknown_and_never_sent)
{
    struct rig *rig = *state;
    struct router_answer a;

    shutdown(server.fd, SHUT_RDWR);
    start(rig);
    a = change(rig, false);
    assert_int_equal(a.outcome, ROUTER_UNKNOWN);
    assert_string_equal(a.code, "refused");
    assert_true(a.sent_boot_us == 0);
}

TEST(a_set_that_must_not_be_sent_is_invalid_without_a_request)
{
    struct rig *rig = *state;
    struct rrset set = {.name = "a.", .type = "A", .routing = "Region"};
    struct router_change changes[] = {{ROUTER_UPSERT, &set, 10}};
    struct router_batch batch = {"Z1", NULL, changes, 1, false};
    struct router_answer a;

    start(rig);
    rig->router.ops->change(rig->router.self, 7, &batch);
    a = answer(rig);
    assert_int_equal(a.outcome, ROUTER_INVALID);
    assert_string_equal(a.code, "not sent");
    assert_int_equal(server.n, 0);
}

#define MISMATCH                                                                                   \
    "<ErrorResponse><Error><Code>SignatureDoesNotMatch</Code><Message>m</Message></Error></"       \
    "ErrorResponse>"

TEST(a_wrong_clock_is_corrected_once)
{
    struct rig *rig = *state;
    struct router_answer a;

    for (int sign = -1; sign <= 1; sign += 2) {
        int first = server.n;

        if (rig->router.ops)
            rig->router.ops->free(rig->router.self);
        server.replies[first] = (struct canned){403, MISMATCH, sign * 600};
        server.replies[first + 1] = (struct canned){200, change_ok, sign * 600};
        start(rig);
        a = change(rig, false);
        assert_int_equal(a.outcome, ROUTER_OK);
        assert_int_equal(server.n, first + 2);
        assert_string_equal(header(first, "x-amz-date"), "20261123T100000Z");
        assert_true(text_starts_with(header(first + 1, "x-amz-date"),
                                     sign < 0 ? "20261123T0950" : "20261123T1010") ||
                    text_starts_with(header(first + 1, "x-amz-date"),
                                     sign < 0 ? "20261123T0949" : "20261123T1009"));
        assert_in_range(a.signed_ms - WALL_MS + 1000000, 1000000 + sign * 600000 - 2000,
                        1000000 + sign * 600000 + 2000);
    }
}

TEST(a_wrong_secret_is_told_at_once)
{
    struct rig *rig = *state;
    struct router_answer a;

    server.replies[0] = (struct canned){403, MISMATCH, 20};
    start(rig);
    a = change(rig, false);
    assert_int_equal(a.outcome, ROUTER_DENIED);
    assert_string_equal(a.message, "route53:ChangeResourceRecordSets: m");
    assert_int_equal(server.n, 1);
}

TEST(a_clock_that_stays_wrong_is_not_corrected_for_ever)
{
    struct rig *rig = *state;

    server.replies[0] = (struct canned){403, MISMATCH, 600};
    server.replies[1] = (struct canned){403, MISMATCH, 1200};
    start(rig);
    assert_int_equal(change(rig, false).outcome, ROUTER_DENIED);
    assert_int_equal(server.n, 2);
}

TEST(renewed_keys_are_used_when_the_old_ones_are_refused)
{
    static const char expired[] = "<ErrorResponse><Error><Code>ExpiredToken</Code><Message>m</"
                                  "Message></Error></ErrorResponse>";
    struct rig *rig = *state;

    rig->config.renew = true;
    server.replies[0] = (struct canned){403, expired, 0};
    server.replies[1] = (struct canned){200, change_ok, 0};
    server.replies[2] = (struct canned){403, expired, 0};
    setenv("AWS_ACCESS_KEY_ID", "AKNEW", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "newsecret", 1);
    start(rig);
    assert_int_equal(change(rig, true).outcome, ROUTER_OK);
    assert_non_null(strstr(server.requests[1], "Credential=AKNEW/"));
    assert_null(header(1, "x-amz-security-token"));
    /* The same keys again are no news. */
    assert_int_equal(change(rig, true).outcome, ROUTER_DENIED);
    assert_int_equal(server.n, 3);
    unsetenv("AWS_ACCESS_KEY_ID");
    unsetenv("AWS_SECRET_ACCESS_KEY");
}

TEST(calls_keep_their_rate_and_urgent_ones_pass_by)
{
    struct rig *rig = *state;
    struct route53 *client = route53_new(&rig->config);
    struct router_batch batch = {.zone_id = "Z1"};
    struct route53_ask ask = {.call = ROUTE53_GET_CHANGE, .id = "C1"};
    struct route53_ask urgent = {
        .call = ROUTE53_CHANGE_SETS, .id = "Z1", .batch = &batch, .urgent = true};

    for (int i = 0; i < ROUTE53_BURST + 2; i++)
        route53_start(client, &ask, NULL);
    assert_int_equal(http_active(rig->http), ROUTE53_BURST);
    assert_true(route53_wake_at(client) == rig->clock.boot_ms + 500);
    route53_start(client, &urgent, NULL);
    assert_int_equal(http_active(rig->http), ROUTE53_BURST + 1);
    /* It does not wait, but the account counts it: those that can wait make room. */
    clock_advance(&rig->clock, 999);
    route53_tick(client);
    assert_int_equal(http_active(rig->http), ROUTE53_BURST + 1);
    clock_advance(&rig->clock, 1);
    route53_tick(client);
    assert_int_equal(http_active(rig->http), ROUTE53_BURST + 2);
    assert_true(route53_wake_at(client) == rig->clock.boot_ms + 500);
    /* The burst comes back, and no more than it. */
    clock_advance(&rig->clock, 3600 * 1000);
    for (int i = 0; i < ROUTE53_BURST + 2; i++)
        route53_start(client, &ask, NULL);
    assert_int_equal(http_active(rig->http), 2 * ROUTE53_BURST + 2);
    /* However many urgent ones leave, the others are kept no longer than a burst takes. */
    for (int i = 0; i < 100; i++)
        route53_start(client, &urgent, NULL);
    assert_true(route53_wake_at(client) == rig->clock.boot_ms + 500 * (ROUTE53_BURST + 1));
    route53_free(client);
}

TEST(a_throttled_answer_empties_the_bucket)
{
    struct rig *rig = *state;
    struct route53 *client = route53_new(&rig->config);
    struct route53_ask ask = {.call = ROUTE53_GET_CHANGE, .id = "C1"};

    server.replies[0] = (struct canned){400, THROTTLED, 0};
    rig->router = router_route53_new(client);
    assert_int_equal(change(rig, false).outcome, ROUTER_BUSY);
    route53_start(client, &ask, NULL);
    assert_int_equal(http_active(rig->http), 0);
    assert_true(route53_wake_at(client) == rig->clock.boot_ms + 500);
}

TEST(addresses_that_worked_do_without_a_name_server)
{
    struct rig *rig = *state;

    snprintf(rig->endpoint, sizeof rig->endpoint, "http://route53.sluice.invalid:%d", server.port);
    rig->config.known_address = "127.0.0.1";
    server.replies[0] = server.replies[1] = (struct canned){200, change_ok, 0};
    start(rig);
    assert_int_equal(change(rig, true).outcome, ROUTER_OK);
    assert_int_equal(change(rig, false).outcome, ROUTER_OK);
    assert_true(text_starts_with(header(0, "host"), "route53.sluice.invalid:"));
}

#define ZONE(id, private)                                                                          \
    "<HostedZone><Id>/hostedzone/" id "</Id><Name>example.com.</Name><Config>"                     \
    "<PrivateZone>" private "</PrivateZone></Config></HostedZone>"
#define ZONES(zones)                                                                               \
    "<ListHostedZonesByNameResponse><HostedZones>" zones                                           \
    "</HostedZones></ListHostedZonesByNameResponse>"

TEST(a_zone_is_found_by_its_exact_name)
{
    struct rig *rig = *state;
    struct route53 *client = route53_new(&rig->config);
    struct arena mem SL_CLEANUP(arena_clear) = {0};
    struct route53_zone zone;
    struct err err = {0};

    server.replies[0] = (struct canned){
        200,
        ZONES(
            ZONE("Z1", "false") "<HostedZone><Id>Z9</Id><Name>z.example.com.</Name></HostedZone>"),
        0};
    server.replies[1] = (struct canned){
        200,
        "<GetHostedZoneResponse>" ZONE(
            "Z1", "false") "<DelegationSet><NameServers><NameServer>ns1"
                           "</NameServer></NameServers></DelegationSet></GetHostedZoneResponse>",
        0};
    assert_true(route53_find_zone(client, "Example.com", &mem, &zone, &err));
    assert_string_equal(zone.id, "Z1");
    assert_string_equal(zone.servers[0], "ns1");
    assert_true(text_starts_with(server.requests[0],
                                 "GET /2013-04-01/hostedzonesbyname?dnsname=Example.com "));
    assert_true(text_starts_with(server.requests[1], "GET /2013-04-01/hostedzone/Z1 "));
    server.replies[2] = (struct canned){200, ZONES(ZONE("Z1", "false")), 0};
    assert_false(route53_find_zone(client, "ample.com", &mem, &zone, &err));
    assert_non_null(strstr(err.text, "no hosted zone called ample.com"));
    assert_int_equal(err.kind, ERR_REFUSED);
    route53_free(client);
}

TEST(several_zones_of_one_name_ask_for_an_id)
{
    static const char *const replies[] = {ZONES(ZONE("Z1", "false") ZONE("Z2", "false")),
                                          ZONES(ZONE("Z1", "true") ZONE("Z2", "true"))};
    static const char *const words[] = {"Z1 (public), Z2 (public)", "Z1 (private), Z2 (private)"};
    struct rig *rig = *state;
    struct route53 *client = route53_new(&rig->config);
    struct arena mem SL_CLEANUP(arena_clear) = {0};

    for (int i = 0; i < 2; i++) {
        struct route53_zone zone;
        struct err err = {0};

        server.replies[i] = (struct canned){200, replies[i], 0};
        assert_false(route53_find_zone(client, "example.com.", &mem, &zone, &err));
        assert_non_null(strstr(err.text, "2 hosted zones are called example.com.: "));
        assert_non_null(strstr(err.text, words[i]));
    }
    route53_free(client);
}

TEST(the_public_zone_of_a_name_is_taken_and_the_private_ones_are_told)
{
    static const char *const lists[] = {
        ZONES(ZONE("Z1", "false") ZONE("Z2", "true")),
        ZONES(ZONE("Z2", "true") ZONE("Z3", "true") ZONE("Z1", "false"))};
    static const char *const words[] = {"Z2 (private)", "Z2 (private), Z3 (private)"};
    struct rig *rig = *state;
    struct route53 *client = route53_new(&rig->config);
    struct arena mem SL_CLEANUP(arena_clear) = {0};

    for (int i = 0; i < 2; i++) {
        struct route53_zone zone;
        struct err err = {0};

        server.replies[2 * i] = (struct canned){200, lists[i], 0};
        server.replies[2 * i + 1] = (struct canned){
            200, "<GetHostedZoneResponse>" ZONE("Z1", "false") "</GetHostedZoneResponse>", 0};
        assert_true(route53_find_zone(client, "example.com.", &mem, &zone, &err));
        assert_string_equal(zone.id, "Z1");
        assert_string_equal(zone.passed_over, words[i]);
    }
    route53_free(client);
}

TEST(a_zone_of_another_service_is_refused_and_a_denial_is_77)
{
    struct rig *rig = *state;
    struct route53 *client = route53_new(&rig->config);
    struct arena mem SL_CLEANUP(arena_clear) = {0};
    struct route53_zone zone;
    struct err err = {0};

    server.replies[0] = (struct canned){
        200,
        "<GetHostedZoneResponse><HostedZone><Id>Z1</Id><Name>a.</"
        "Name><LinkedService><ServicePrincipal>"
        "x.amazonaws.com</ServicePrincipal></LinkedService></HostedZone></GetHostedZoneResponse>",
        0};
    assert_false(route53_find_zone(client, "/hostedzone/Z1", &mem, &zone, &err));
    assert_int_equal(err.kind, ERR_REFUSED);
    err_clear(&err);
    server.replies[1] = (struct canned){403,
                                        "<ErrorResponse><Error><Code>AccessDenied</"
                                        "Code><Message>no</Message></Error></ErrorResponse>",
                                        0};
    assert_false(route53_find_zone(client, "Z1", &mem, &zone, &err));
    assert_int_equal(err_exit_status(err.kind), 77);
    assert_string_equal(err.text, "Route 53: AccessDenied: route53:GetHostedZone: no");
    route53_free(client);
}

TEST(skew_is_date_minus_the_midpoint)
{
    static const struct {
        int64_t date, sent, received;
        bool age, measured;
        int64_t skew;
    } rows[] = {
        {1000, 1000, 1000, false, true, 0},
        {601000, 0, 2000, false, true, 600000},
        {1000, 600000, 602000, false, true, -600000},
        {0, 0, 0, false, false, 0},
        {1000, 0, 2000, true, false, 0},
        {1000, 0, ROUTE53_TRIP_MAX_MS + 1, false, false, 0},
        {1000, 2000, 1000, false, false, 0},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t skew = -1;
        bool measured =
            route53_measure_skew(rows[i].date, rows[i].age, rows[i].sent, rows[i].received, &skew);

        assert_int_equal(measured, rows[i].measured);
        if (measured)
            assert_true(skew == rows[i].skew);
        else
            assert_true(skew == -1);
    }
}

#define NETWORK_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        NETWORK_TEST(what_is_signed_is_what_goes_on_the_wire),
        NETWORK_TEST(a_change_is_posted_as_xml_and_gives_an_id),
        NETWORK_TEST(a_change_id_is_polled),
        NETWORK_TEST(a_listing_goes_on_while_it_is_truncated),
        NETWORK_TEST(a_listing_of_one_group_stops_behind_it),
        NETWORK_TEST(every_answer_has_one_outcome),
        NETWORK_TEST(a_change_is_never_repeated_on_another_connection),
        NETWORK_TEST(nobody_listening_is_unknown_and_never_sent),
        NETWORK_TEST(a_set_that_must_not_be_sent_is_invalid_without_a_request),
        NETWORK_TEST(a_wrong_clock_is_corrected_once),
        NETWORK_TEST(a_wrong_secret_is_told_at_once),
        NETWORK_TEST(a_clock_that_stays_wrong_is_not_corrected_for_ever),
        NETWORK_TEST(renewed_keys_are_used_when_the_old_ones_are_refused),
        NETWORK_TEST(calls_keep_their_rate_and_urgent_ones_pass_by),
        NETWORK_TEST(a_throttled_answer_empties_the_bucket),
        NETWORK_TEST(addresses_that_worked_do_without_a_name_server),
        NETWORK_TEST(a_zone_is_found_by_its_exact_name),
        NETWORK_TEST(several_zones_of_one_name_ask_for_an_id),
        NETWORK_TEST(the_public_zone_of_a_name_is_taken_and_the_private_ones_are_told),
        NETWORK_TEST(a_zone_of_another_service_is_refused_and_a_denial_is_77),
        cmocka_unit_test(skew_is_date_minus_the_midpoint),
    };

    setenv("AWS_CONFIG_FILE", "/nonexistent/config", 1);
    setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent/credentials", 1);
    return cmocka_run_group_tests_name("route53", tests, NULL, NULL);
}
