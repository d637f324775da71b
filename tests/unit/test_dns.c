/* dns.h and dns_client.h: canonical forms, messages, and asking a name server in this program. */
#include <poll.h>
#include <stdlib.h>

#include "dns_client.h"
#include "dns_server.h"
#include "sluice/clock.h"
#include "sluice/file.h"
#include "test.h"

/* -- forms ------------------------------------------------------------------------------------- */

TEST(names_have_one_form)
{
    static const struct {
        const char *text;
        bool octal;
        const char *form;
    } cases[] = {
        {"WWW.Example.com", false, "www.example.com."},
        {"www.example.com.", true, "www.example.com."},
        {"\\052.shops.example.com.", true, "*.shops.example.com."},
        {"*.shops.example.com", false, "*.shops.example.com."},
        {"\\042.x", false, "*.x."},
        {"a\\.b.x", false, "a\\046b.x."},
        {"_sluice.example.com", true, "_sluice.example.com."},
        {"\\344.x", true, "\\228.x."},
        {".", false, "."},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf out SL_CLEANUP(buf_clear) = {0};
        struct err err = {0};

        assert_true(dns_name_canonical(&out, cases[i].text, cases[i].octal, &err));
        assert_string_equal(buf_str(&out), cases[i].form);
    }
}

TEST(what_is_no_name_is_refused)
{
    static const char label64[] =
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.x";
    static const char *const bad[] = {"", "a..b", ".a", "a\\", "a\\9", "a\\999", label64};
    char long_name[300] = "";
    struct buf out SL_CLEANUP(buf_clear) = {0};
    struct err err = {0};

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        err_clear(&err);
        assert_false(dns_name_canonical(&out, bad[i], false, &err));
        assert_int_equal(err.kind, ERR_FILE);
    }
    assert_false(dns_name_canonical(&out, "\\400.x", true, NULL));
    assert_false(dns_name_canonical(&out, "\\089.x", true, NULL));
    for (int i = 0; i < 127; i++)
        strcat(long_name, "a.");
    assert_true(dns_name_canonical(&out, long_name, false, &err));
    strcat(long_name, "a");
    assert_false(dns_name_canonical(&out, long_name, false, &err));
}

TEST(values_have_one_form)
{
    static const struct {
        const char *type, *value, *form;
    } cases[] = {
        {"A", "192.0.2.1", "192.0.2.1"},
        {"AAAA", "2001:DB8:0::1", "2001:db8::1"},
        {"CNAME", "Tidy-Fern.HerokuDNS.com", "tidy-fern.herokudns.com."},
        {"ns", "ns-1.AWSDNS-01.org.", "ns-1.awsdns-01.org."},
        {"TXT", "\"v=1 a\" \"q\\042\\\\ \\344\"", "\"v=1 a\" \"q\\034\\092 \\228\""},
        {"TXT", "bare", "\"bare\""},
        {"TXT", "\"\"", "\"\""},
        {"MX", "10 Mail.Example.com", "10 mail.example.com."},
        {"SRV", "1 2 443 A.example.com.", "1 2 443 a.example.com."},
        {"CAA", "0 issue \"Letsencrypt.org\"", "0 issue \"Letsencrypt.org\""},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf out SL_CLEANUP(buf_clear) = {0};
        struct err err = {0};

        if (!dns_value_canonical(&out, dns_type_parse(cases[i].type), cases[i].value, &err))
            print_message("# %s %s: %s\n", cases[i].type, cases[i].value, err.text);
        assert_string_equal(buf_str(&out), cases[i].form);
    }
}

TEST(what_is_no_value_is_refused)
{
    static const struct {
        const char *type, *value;
    } bad[] = {{"A", "192.0.2"},  {"A", "2001:db8::1"}, {"AAAA", "1.2.3.4"}, {"CNAME", "a..b"},
               {"TXT", "\"open"}, {"TXT", ""},          {"MX", "mail"},      {"MX", ""}};

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct buf out SL_CLEANUP(buf_clear) = {0};
        struct err err = {0};

        assert_false(dns_value_canonical(&out, dns_type_parse(bad[i].type), bad[i].value, &err));
        assert_int_equal(err.kind, ERR_FILE);
        assert_int_equal(out.len, 0);
    }
}

TEST(types_that_are_only_asked_for_are_none)
{
    assert_int_equal(dns_type_parse("aaaa"), 28);
    assert_int_equal(dns_type_parse("TXT"), 16);
    assert_int_equal(dns_type_parse("ANY"), 0);
    assert_int_equal(dns_type_parse("AXFR"), 0);
    assert_int_equal(dns_type_parse("OPT"), 0);
    assert_int_equal(dns_type_parse("nonsense"), 0);
}

/* -- messages ---------------------------------------------------------------------------------- */

TEST(a_query_is_what_rfc_1035_says)
{
    static const uint8_t expected[] = {
        0x12, 0x34, 0x00, 0x00, 0, 1, 0, 0, 0, 0, 0, 1,                  /* header, RD 0, one OPT */
        1,    '*',  2,    'a',  'b', 0, 0, 16, 0, 1,                     /* question: TXT IN */
        0,    0,    41,   0x04, 0xd0, 0, 0, 0, 0, 0, 0,                  /* EDNS, 1232 bytes */
    };
    struct buf out SL_CLEANUP(buf_clear) = {0};
    struct err err = {0};

    assert_true(dns_query_format(&out, "\\052.ab.", true, DNS_TYPE_TXT, 0x1234, false, &err));
    assert_int_equal(out.len, sizeof expected);
    assert_memory_equal(out.data, expected, sizeof expected);
    buf_reset(&out);
    assert_true(dns_query_format(&out, "ab", false, DNS_TYPE_A, 1, true, &err));
    assert_int_equal(out.data[2], 1);
}

static struct buf make_query(const char *name, uint16_t type)
{
    struct buf q = {0};
    struct err err = {0};

    assert_true(dns_query_format(&q, name, false, type, 0x1234, false, &err));
    return q;
}

TEST(an_answer_is_read_with_its_flags_names_and_ttls)
{
    static struct dns_reply reply;
    static const uint8_t target[] = "\1A\2xy";
    struct buf q SL_CLEANUP(buf_clear) = make_query("www.example.com", DNS_TYPE_CNAME);
    struct dns_answer a SL_CLEANUP(dns_answer_clear) = {0};
    struct err err = {0};

    dns_begin(&reply, (uint8_t *)q.data, q.len);
    reply.data[13] = 'W'; /* names come back in whatever case */
    dns_put(&reply, DNS_TYPE_CNAME, 60, target, sizeof target);
    assert_true(dns_answer_parse(&a, q.data, q.len, reply.data, reply.len, &err));
    assert_true(a.authoritative);
    assert_false(a.truncated);
    assert_int_equal(a.rcode, DNS_NOERROR);
    assert_int_equal(a.records_n, 1);
    assert_string_equal(a.records[0].name, "www.example.com.");
    assert_string_equal(a.records[0].value, "a.xy.");
    assert_int_equal(a.records[0].ttl, 60);
    assert_int_equal(a.authority_n, 0);
}

TEST(a_reply_to_something_else_is_refused)
{
    static struct dns_reply reply;
    struct buf q SL_CLEANUP(buf_clear) = make_query("a.b", DNS_TYPE_A);
    static const size_t spoiled[] = {0, 2, 5, 13, 17, 18, 19, 20};

    for (size_t i = 0; i < ARRAY_LEN(spoiled) + 2; i++) {
        struct dns_answer a SL_CLEANUP(dns_answer_clear) = {0};
        struct err err = {0};

        dns_begin(&reply, (uint8_t *)q.data, q.len);
        dns_put_a(&reply, 60, "192.0.2.1");
        if (i < ARRAY_LEN(spoiled))
            reply.data[spoiled[i]] ^= 0x81;
        else
            reply.len -= i == ARRAY_LEN(spoiled) ? 1 : 30;
        assert_false(dns_answer_parse(&a, q.data, q.len, reply.data, reply.len, &err));
        assert_int_equal(err.kind, ERR_PROTOCOL);
    }
}

TEST(a_cut_answer_says_so_and_is_not_read)
{
    static struct dns_reply reply;
    struct buf q SL_CLEANUP(buf_clear) = make_query("a.b", DNS_TYPE_A);
    struct dns_answer a SL_CLEANUP(dns_answer_clear) = {0};
    struct err err = {0};

    dns_begin(&reply, (uint8_t *)q.data, q.len);
    dns_put_a(&reply, 60, "192.0.2.1");
    dns_flags(&reply, 0x86, 0);
    assert_true(dns_answer_parse(&a, q.data, q.len, reply.data, reply.len - 3, &err));
    assert_true(a.truncated);
    assert_int_equal(a.records_n, 0);
}

/* An OPT record with these option bytes, behind the answer. */
static void put_opt(struct dns_reply *r, const uint8_t *options, size_t len)
{
    static const uint8_t head[] = {0, 0, 41, 0x04, 0xd0, 0, 0, 0, 0, 0};

    memcpy(r->data + r->len, head, sizeof head);
    r->len += sizeof head;
    r->data[r->len++] = (uint8_t)len;
    memcpy(r->data + r->len, options, len);
    r->len += len;
    r->data[11]++;
}

TEST(an_answer_that_calls_itself_stale_is_known)
{
    static struct dns_reply reply;
    struct buf q SL_CLEANUP(buf_clear) = make_query("a.b", DNS_TYPE_A);
    static const struct {
        uint8_t options[16];
        size_t len;
        bool stale;
    } cases[] = {
        {{0}, 0, false},
        {{0, 15, 0, 2, 0, 3}, 6, true},                              /* Stale Answer */
        {{0, 15, 0, 4, 0, 19, 'x', 'y'}, 8, true},                   /* Stale NXDOMAIN, with words */
        {{0, 10, 0, 2, 0, 3, 0, 15, 0, 2, 0, 3}, 12, true},          /* behind another option */
        {{0, 10, 0, 2, 0, 3}, 6, false},                             /* another option */
        {{0, 15, 0, 2, 0, 22}, 6, false},                            /* another error */
        {{0, 15, 0, 1, 3}, 5, false},                                /* too short for a code */
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct dns_answer a SL_CLEANUP(dns_answer_clear) = {0};
        struct err err = {0};

        dns_begin(&reply, (uint8_t *)q.data, q.len);
        dns_put_a(&reply, 60, "192.0.2.1");
        put_opt(&reply, cases[i].options, cases[i].len);
        assert_true(dns_answer_parse(&a, q.data, q.len, reply.data, reply.len, &err));
        assert_int_equal(a.served_stale, cases[i].stale);
        assert_int_equal(a.records_n, 1);
    }
}

/* -- asking ------------------------------------------------------------------------------------ */

struct script {
    int nth;         /* queries seen */
    const char *how; /* a letter a query; the last one goes on */
};

static void play(void *ctx, struct dns_reply *r)
{
    struct script *s = ctx;
    char how = s->how[s->nth];

    if (s->how[s->nth + 1])
        s->nth++;
    if (how == 'd')
        r->drop = true;
    else if (how == 's')
        dns_flags(r, 0x84, DNS_SERVFAIL);
    else if (how == 'n')
        dns_flags(r, 0x84, DNS_NXDOMAIN);
    else if (how == 't' && !r->tcp)
        dns_flags(r, 0x86, 0);
    else if (how == 'f')
        r->data[0] ^= 1; /* a forger guesses the id */
    else
        for (int i = 0; i < (r->tcp ? 100 : 1); i++)
            dns_put_a(r, 60, "192.0.2.1");
}

/* Asks one question and moves both ends until it is answered; the clock of the client is turned by
 * hand, so that deadlines cost no time. */
static struct dns_done ask(struct dns_server *server, const char *second)
{
    struct dns_client *c = dns_client_new();
    struct dns_question q = {.servers = {server ? server->address : second, server ? second : NULL},
                             .name = "www.example.com", .type = DNS_TYPE_A};
    struct dns_done done = {0};
    int64_t now = 1000;
    int idle = 0;

    dns_client_ask(c, &q, &done, now);
    while (!dns_client_next(c, &done)) {
        struct pollfd fds[DNS_CLIENT_FDS_MAX];
        size_t n = dns_client_fds(c, fds, DNS_CLIENT_FDS_MAX);

        if (server)
            dns_server_step(server);
        if (poll(fds, (nfds_t)n, 20) == 0 && ++idle > 1) {
            now = dns_client_wake_at(c);
            idle = 0;
        }
        assert_true(now < 100000);
        dns_client_step(c, now);
    }
    assert_ptr_equal(done.ctx, &done);
    assert_int_equal(dns_client_open(c), 0);
    assert_int_equal(dns_client_wake_at(c), INT64_MAX);
    dns_client_free(c);
    return done;
}

TEST(every_way_a_server_can_behave)
{
    static const struct {
        const char *how;
        enum dns_outcome outcome;
        int records, rcode;
        bool tcp;
        unsigned int queries;
    } cases[] = {
        {"a", DNS_ANSWERED, 1, DNS_NOERROR, false, 1},
        {"n", DNS_ANSWERED, 0, DNS_NXDOMAIN, false, 1},
        {"t", DNS_ANSWERED, 100, DNS_NOERROR, true, 1},
        {"da", DNS_ANSWERED, 1, DNS_NOERROR, false, 2},
        {"sa", DNS_ANSWERED, 1, DNS_NOERROR, false, 2},
        {"fa", DNS_ANSWERED, 1, DNS_NOERROR, false, 2},
        {"d", DNS_SILENT, 0, 0, false, 3},
        {"s", DNS_FAILED, 0, DNS_SERVFAIL, false, 3},
        {"tda", DNS_ANSWERED, 1, DNS_NOERROR, false, 2}, /* TCP without an answer, then UDP again */
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct script script = {0, cases[i].how};
        struct dns_server server;
        struct dns_done done;

        dns_server_start(&server, play, &script);
        done = ask(&server, NULL);
        if (done.outcome != cases[i].outcome)
            print_message("# %s: %s\n", cases[i].how, done.reason);
        assert_int_equal(done.outcome, cases[i].outcome);
        assert_int_equal(done.answer.records_n, cases[i].records);
        assert_int_equal(done.answer.rcode, cases[i].rcode);
        assert_int_equal(done.tcp, cases[i].tcp);
        assert_int_equal(server.queries, cases[i].queries);
        assert_string_equal(done.server, server.address);
        assert_int_equal(done.reason[0] == '\0', done.outcome == DNS_ANSWERED);
        dns_answer_clear(&done.answer);
        dns_server_stop(&server);
    }
}

TEST(a_second_server_is_asked_when_the_first_fails)
{
    struct script bad = {0, "s"}, good = {0, "a"};
    struct dns_server first, second;
    struct dns_client *c = dns_client_new();
    struct dns_question q = {.name = "a.b", .type = DNS_TYPE_A};
    struct dns_done done;

    dns_server_start(&first, play, &bad);
    dns_server_start(&second, play, &good);
    q.servers[0] = first.address;
    q.servers[1] = second.address;
    dns_client_ask(c, &q, NULL, 0);
    while (!dns_client_next(c, &done)) {
        struct pollfd fds[2];
        size_t n = dns_client_fds(c, fds, 2);

        dns_server_step(&first);
        dns_server_step(&second);
        poll(fds, (nfds_t)n, 20);
        dns_client_step(c, 0);
    }
    assert_int_equal(done.outcome, DNS_ANSWERED);
    assert_string_equal(done.server, second.address);
    dns_answer_clear(&done.answer);
    dns_client_free(c);
    dns_server_stop(&first);
    dns_server_stop(&second);
}

TEST(a_closed_port_is_silent_and_quickly_so)
{
    struct dns_server server;
    struct script script = {0, "a"};
    char address[32];
    struct dns_done done;

    dns_server_start(&server, play, &script);
    snprintf(address, sizeof address, "%s", server.address);
    dns_server_stop(&server);
    done = ask(NULL, address);
    assert_int_equal(done.outcome, DNS_SILENT);
    assert_non_null(strstr(done.reason, "refused"));
    dns_answer_clear(&done.answer);
}

TEST(nonsense_is_answered_as_invalid)
{
    struct dns_done done = ask(NULL, "ns-1.example.com");

    assert_int_equal(done.outcome, DNS_INVALID);
    assert_string_equal(done.reason, "ns-1.example.com is no address of a server");
}

TEST(more_questions_than_sockets_wait_their_turn)
{
    struct script script = {0, "a"};
    struct dns_server server;
    struct dns_client *c = dns_client_new();
    struct dns_question q = {.name = "a.b", .type = DNS_TYPE_A};
    struct dns_done done;
    int seen = 0;

    dns_server_start(&server, play, &script);
    q.servers[0] = server.address;
    for (int i = 0; i < 5 * DNS_CLIENT_FDS_MAX; i++)
        dns_client_ask(c, &q, NULL, 0);
    assert_int_equal(dns_client_open(c), 5 * DNS_CLIENT_FDS_MAX);
    while (dns_client_open(c)) {
        struct pollfd fds[DNS_CLIENT_FDS_MAX];

        dns_server_step(&server);
        poll(fds, (nfds_t)dns_client_fds(c, fds, DNS_CLIENT_FDS_MAX), 20);
        dns_client_step(c, 0);
        for (; dns_client_next(c, &done); seen++)
            dns_answer_clear(&done.answer);
    }
    assert_int_equal(seen, 5 * DNS_CLIENT_FDS_MAX);
    dns_client_ask(c, &q, NULL, 0);
    dns_client_free(c); /* with one open */
    dns_server_stop(&server);
}

TEST(servers_are_written_with_their_port)
{
    static const struct {
        const char *text, *form;
    } cases[] = {
        {"192.0.2.1", "192.0.2.1:53"},         {"192.0.2.1:5353", "192.0.2.1:5353"},
        {"2001:db8::1", "[2001:db8::1]:53"},   {"[2001:db8::1]:54", "[2001:db8::1]:54"},
        {"[2001:db8::1]", "[2001:db8::1]:53"}, {"ns.example.com:53", NULL},
        {"192.0.2.1:0", NULL},                 {"192.0.2.1:65536", NULL},
        {"", NULL},                            {"[192.0.2.1", NULL},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf out SL_CLEANUP(buf_clear) = {0};
        struct err err = {0};

        assert_int_equal(dns_server_format(&out, cases[i].text, &err), cases[i].form != NULL);
        assert_string_equal(buf_str(&out), cases[i].form ? cases[i].form : "");
    }
}

TEST(resolv_conf_is_read_and_its_absence_too)
{
    static const char text[] = "# nameserver 192.0.2.9\nsearch example.com\nnameserver 192.0.2.1\n"
                               "nameserver\t2001:db8::1\nnameserver fe80::1%eth0\nnameserver x\n";
    char path[] = "/tmp/sluice-test-XXXXXX";
    struct dns_resolvers r;
    struct err err = {0};

    close(mkstemp(path));
    assert_true(file_write(path, text, strlen(text), &err));
    dns_resolvers_load(&r, path);
    assert_int_equal(r.n, 2);
    assert_string_equal(r.address[0], "192.0.2.1:53");
    assert_string_equal(r.address[1], "[2001:db8::1]:53");
    unlink(path);
    dns_resolvers_load(&r, path);
    assert_int_equal(r.n, 1);
    assert_string_equal(r.address[0], "127.0.0.1:53");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_have_one_form),
        cmocka_unit_test(what_is_no_name_is_refused),
        cmocka_unit_test(values_have_one_form),
        cmocka_unit_test(what_is_no_value_is_refused),
        cmocka_unit_test(types_that_are_only_asked_for_are_none),
        cmocka_unit_test(a_query_is_what_rfc_1035_says),
        cmocka_unit_test(an_answer_is_read_with_its_flags_names_and_ttls),
        cmocka_unit_test(a_reply_to_something_else_is_refused),
        cmocka_unit_test(a_cut_answer_says_so_and_is_not_read),
        cmocka_unit_test(an_answer_that_calls_itself_stale_is_known),
        cmocka_unit_test(every_way_a_server_can_behave),
        cmocka_unit_test(a_second_server_is_asked_when_the_first_fails),
        cmocka_unit_test(a_closed_port_is_silent_and_quickly_so),
        cmocka_unit_test(nonsense_is_answered_as_invalid),
        cmocka_unit_test(more_questions_than_sockets_wait_their_turn),
        cmocka_unit_test(servers_are_written_with_their_port),
        cmocka_unit_test(resolv_conf_is_read_and_its_absence_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
