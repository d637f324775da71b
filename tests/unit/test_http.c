/* http.h against a small forked server that misbehaves as told by the path, and against openssl's
 * own TLS server with certificates good and bad. Loopback only. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sluice/clock.h"
#include "sluice/http.h"
#include "test.h"

/* -- the server -------------------------------------------------------------------------------- */

static pid_t server_pid;
static int server_port;

static void say(int fd, const char *s)
{
    if (send(fd, s, strlen(s), MSG_NOSIGNAL) < 0)
        _exit(0);
}

static void say_many(int fd, char c, size_t n)
{
    char block[4096];

    memset(block, c, sizeof block);
    while (n) {
        size_t part = n < sizeof block ? n : sizeof block;

        if (send(fd, block, part, MSG_NOSIGNAL) < 0)
            _exit(0);
        n -= part;
    }
}

static void say_body(int fd, const char *head, const char *body)
{
    char length[64];

    snprintf(length, sizeof length, "Content-Length: %zu\r\n", strlen(body));
    say(fd, head);
    say(fd, length);
    say(fd, "\r\n");
    say(fd, body);
}

static bool read_request(int fd, char *head, size_t max)
{
    size_t len = 0;
    const char *length;
    long rest;

    head[0] = '\0';
    while (!strstr(head, "\r\n\r\n")) {
        ssize_t n = recv(fd, head + len, max - 1 - len, 0);

        if (n <= 0)
            return false;
        len += (size_t)n;
        head[len] = '\0';
    }
    length = strstr(head, "Content-Length: ");
    rest = length ? atol(length + 16) : 0;
    rest -= (long)(head + len - (strstr(head, "\r\n\r\n") + 4));
    while (rest > 0) {
        ssize_t n = recv(fd, head + len, max - 1 - len, 0);

        if (n <= 0)
            return false;
        len += (size_t)n;
        head[len] = '\0';
        rest -= n;
    }
    return true;
}

static void do_reset(int fd)
{
    struct linger hard = {1, 0};

    setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    close(fd);
    _exit(0);
}

static void do_big_header(int fd)
{
    int i;

    say(fd, "HTTP/1.1 200 OK\r\n");
    for (i = 0; i < 80; i++) {
        say(fd, "X-Fill: ");
        say_many(fd, 'x', 1000);
        say(fd, "\r\n");
    }
    say(fd, "Content-Length: 0\r\n\r\n");
}

static void do_long_line(int fd)
{
    say(fd, "HTTP/1.1 200 OK\r\nX-Fill: ");
    say_many(fd, 'x', 400 * 1024);
    say(fd, "\r\nContent-Length: 0\r\n\r\n");
}

static void do_gzip(int fd, const char *coding)
{
    static const unsigned char hello[] = {0x1f, 0x8b, 8,    0,    0,    0,    0, 0, 0,
                                          3,    0xcb, 0x48, 0xcd, 0xc9, 0xc9, 7, 0, 0x86,
                                          0xa6, 0x10, 0x36, 5,    0,    0,    0};

    say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 25\r\nContent-Encoding: ");
    say(fd, coding);
    say(fd, "\r\n\r\n");
    send(fd, hello, sizeof hello, MSG_NOSIGNAL);
}

static void hold(int fd)
{
    char c;

    while (recv(fd, &c, 1, 0) > 0)
        ;
    _exit(0);
}

static void answer(int fd, const char *head)
{
    char path[64] = "";

    sscanf(head, "%*s %63s", path);
    if (!strcmp(path, "/ok"))
        say_body(fd, "HTTP/1.1 200 OK\r\nX-One: 1\r\nX-Two:  two \r\nx-one: again\r\n", "hello");
    else if (!strncmp(path, "/echo", 5) || strstr(path, ".."))
        say_body(fd, "HTTP/1.1 200 OK\r\n", head);
    else if (!strcmp(path, "/redirect"))
        say_body(fd, "HTTP/1.1 302 Found\r\nLocation: /ok\r\n", "");
    else if (!strcmp(path, "/interim"))
        say_body(fd, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\n", "x");
    else if (!strcmp(path, "/trailers"))
        say(fd,
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\nT: 1\r\n\r\n");
    else if (!strcmp(path, "/folded"))
        say_body(fd, "HTTP/1.1 200 OK\r\nX-Long: one\r\n  two\r\n", "");
    else if (!strcmp(path, "/reset"))
        do_reset(fd);
    else if (!strcmp(path, "/close"))
        _exit(0);
    else if (!strcmp(path, "/junk"))
        say(fd, "220 mail.example.com ESMTP\r\n"), _exit(0);
    else if (!strcmp(path, "/partial"))
        say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this"), _exit(0);
    else if (!strcmp(path, "/half-header"))
        say(fd, "HTTP/1.1 200 OK\r\nContent-Le"), _exit(0);
    else if (!strcmp(path, "/big"))
        say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"), say_many(fd, 'x', 1000000);
    else if (!strcmp(path, "/big-header"))
        do_big_header(fd);
    else if (!strcmp(path, "/long-line"))
        do_long_line(fd);
    else if (!strcmp(path, "/gzip"))
        do_gzip(fd, "gzip");
    else if (!strcmp(path, "/gzip-twice"))
        do_gzip(fd, "gzip, gzip");
    else if (!strcmp(path, "/stream"))
        say(fd, "HTTP/1.1 200 OK\r\n\r\ndata: 1\n\n"), hold(fd);
    else if (!strcmp(path, "/slow-body"))
        say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"), hold(fd);
    else
        hold(fd);
}

static void serve(int listener)
{
    static char head[65536];

    signal(SIGCHLD, SIG_IGN);
    for (;;) {
        int fd = accept(listener, NULL, NULL);

        if (fd < 0)
            _exit(1);
        if (fork() == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            close(listener);
            while (read_request(fd, head, sizeof head))
                answer(fd, head);
            _exit(0);
        }
        close(fd);
    }
}

static int listen_loopback(int *port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(fd, 64), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    *port = ntohs(a.sin_port);
    return fd;
}

static int start_server(void **state)
{
    int fd = listen_loopback(&server_port);

    (void)state;
    server_pid = fork();
    if (server_pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        serve(fd);
    }
    close(fd);
    return server_pid < 0;
}

static int stop_server(void **state)
{
    (void)state;
    kill(server_pid, SIGKILL);
    waitpid(server_pid, NULL, 0);
    return 0;
}

/* -- asking ------------------------------------------------------------------------------------ */

static struct http *make(void)
{
    struct http_config config = {0};
    struct err err = {0};
    struct http *http = http_new(&config, &err);

    assert_non_null(http);
    return http;
}

static void free_http(struct http **http)
{
    http_free(*http);
}

static const char *url(const char *path)
{
    static char text[256];

    snprintf(text, sizeof text, "http://127.0.0.1:%d%s", server_port, path);
    return text;
}

/* A deadline that something else must come before: longer where everything is slow. */
static uint32_t slowly(uint32_t ms)
{
    return getenv("SLUICE_VALGRIND") ? 30 * ms : ms;
}

static void wait_one(struct http *http, struct http_done *done)
{
    struct err err = {0};

    while (!http_next(http, done))
        assert_true(http_wait(http, NULL, 0, 10000, &err));
}

static struct http_response ask(struct http *http, const struct http_request *request)
{
    struct http_done done;
    uint64_t id = http_start(http, request, &done);

    wait_one(http, &done);
    assert_int_equal(done.id, id);
    assert_ptr_equal(done.ctx, &done);
    assert_int_equal(http_active(http), 0);
    assert_int_equal(done.response.outcome == HTTP_OK, done.response.reason[0] == '\0');
    return done.response;
}

static struct http_response get(struct http *http, const char *path)
{
    struct http_request request = {.url = url(path), .total_ms = 5000};

    return ask(http, &request);
}

#define RESPONSE struct http_response r SL_CLEANUP(http_response_clear)
#define HTTP     struct http *http SL_CLEANUP(free_http) = make()

TEST(an_answer_comes_with_status_header_body_and_times)
{
    HTTP;
    RESPONSE = get(http, "/ok");
    char remote[64];

    snprintf(remote, sizeof remote, "127.0.0.1:%d", server_port);
    assert_int_equal(r.outcome, HTTP_OK);
    assert_int_equal(r.status, 200);
    assert_int_equal(r.version, 11);
    assert_int_equal(r.fields_n, 4);
    assert_string_equal(http_response_find(&r, "X-ONE"), "1");
    assert_string_equal(http_response_find(&r, "x-two"), "two");
    assert_string_equal(r.fields[2].name, "x-one");
    assert_null(http_response_find(&r, "x-three"));
    assert_string_equal(buf_str(&r.body), "hello");
    assert_int_equal(r.body_bytes, 5);
    assert_false(r.truncated);
    assert_string_equal(r.remote, remote);
    assert_int_equal(r.connects, 1);
    assert_null(r.tls_version);
    assert_true(r.timing.sent_at_us > 0 && r.timing.sent_at_us <= r.timing.done_at_us);
    assert_true(r.timing.connect_us > 0);
    assert_true(r.timing.first_byte_us > 0 && r.timing.first_byte_us <= r.timing.total_us);
}

TEST(a_connection_is_used_again_unless_a_fresh_one_is_asked)
{
    HTTP;
    struct http_request fresh = {.url = url("/ok"), .fresh = true};

    for (int i = 0; i < 3; i++) {
        RESPONSE = i == 2 ? ask(http, &fresh) : get(http, "/ok");

        assert_int_equal(r.connects, i == 1 ? 0 : 1);
        if (i == 1)
            assert_int_equal(r.timing.connect_us, 0);
    }
}

TEST(a_redirect_is_a_result)
{
    HTTP;
    RESPONSE = get(http, "/redirect");

    assert_int_equal(r.outcome, HTTP_OK);
    assert_int_equal(r.status, 302);
    assert_string_equal(http_response_find(&r, "location"), "/ok");
}

TEST(interim_answers_and_trailers_are_dropped_and_folds_joined)
{
    HTTP;

    {
        RESPONSE = get(http, "/interim");
        assert_int_equal(r.status, 200);
        assert_null(http_response_find(&r, "link"));
    }
    {
        RESPONSE = get(http, "/trailers");
        assert_string_equal(buf_str(&r.body), "ab");
        assert_null(http_response_find(&r, "t"));
    }
    {
        RESPONSE = get(http, "/folded");
        assert_string_equal(http_response_find(&r, "x-long"), "one two");
    }
}

TEST(every_kind_of_broken_answer_has_its_outcome)
{
    static const struct {
        const char *path;
        enum http_outcome outcome;
        int status;
    } cases[] = {
        {"/reset", HTTP_RESET, 0},           {"/close", HTTP_RESET, 0},
        {"/junk", HTTP_PROTOCOL, 0},         {"/partial", HTTP_PARTIAL, 200},
        {"/half-header", HTTP_RESET, 200},   {"/big-header", HTTP_TOO_LARGE, 200},
        {"/long-line", HTTP_TOO_LARGE, 200},
    };
    size_t i;

    for (i = 0; i < ARRAY_LEN(cases); i++) {
        HTTP;
        RESPONSE = get(http, cases[i].path);

        if (r.outcome != cases[i].outcome)
            print_message("# %s: %s (%s)\n", cases[i].path, http_outcome_name(r.outcome), r.reason);
        assert_int_equal(r.outcome, cases[i].outcome);
        assert_int_equal(r.status, cases[i].status);
    }
}

TEST(nobody_listening_is_refused)
{
    HTTP;
    struct http_request request = {0};
    char target[64];
    int port, fd = listen_loopback(&port);

    close(fd);
    snprintf(target, sizeof target, "http://127.0.0.1:%d/", port);
    request.url = target;
    {
        RESPONSE = ask(http, &request);

        assert_int_equal(r.outcome, HTTP_REFUSED);
        assert_int_equal(r.timing.sent_at_us, 0);
        assert_non_null(strstr(r.reason, "refuses connections"));
    }
}

TEST(a_silent_server_meets_the_total_deadline)
{
    HTTP;
    struct http_request request = {.url = url("/hold"), .total_ms = 300};
    int64_t before = clock_boot_us(), spent;
    RESPONSE = ask(http, &request);

    spent = clock_boot_us() - before;
    assert_int_equal(r.outcome, HTTP_TIMEOUT);
    assert_true(spent >= 290000 && spent < 3000000);
    assert_true(r.timing.sent_at_us > 0);
    assert_int_equal(r.timing.first_byte_us, 0);
}

TEST(a_body_that_does_not_end_meets_the_total_deadline_and_is_kept)
{
    HTTP;
    struct http_request request = {.url = url("/slow-body"), .total_ms = slowly(1000)};
    RESPONSE = ask(http, &request);

    assert_int_equal(r.outcome, HTTP_TIMEOUT);
    assert_int_equal(r.status, 200);
    assert_string_equal(buf_str(&r.body), "half");
}

TEST(a_listener_that_never_speaks_tls_meets_the_connect_deadline)
{
    HTTP;
    int port, fd = listen_loopback(&port);
    char target[64];
    struct http_request request = {.url = target, .connect_ms = slowly(60)};

    snprintf(target, sizeof target, "https://127.0.0.1:%d/", port);
    {
        RESPONSE = ask(http, &request);

        assert_int_equal(r.outcome, HTTP_CONNECT_TIMEOUT);
        assert_int_equal(r.timing.sent_at_us, 0);
        assert_non_null(strstr(r.reason, "no TLS with"));
    }
    close(fd);
}

TEST(plain_http_on_a_tls_url_is_a_failed_handshake)
{
    HTTP;
    char target[64];
    struct http_request request = {.url = target, .connect_ms = 30000};
    int port, pipefd[2], fd = listen_loopback(&port);
    pid_t pid;

    assert_int_equal(pipe(pipefd), 0);
    pid = fork();
    if (pid == 0) {
        int c = accept(fd, NULL, NULL);

        say(c, "HTTP/1.1 400 Bad Request\r\n\r\n");
        _exit(0);
    }
    snprintf(target, sizeof target, "https://127.0.0.1:%d/", port);
    {
        RESPONSE = ask(http, &request);
        assert_int_equal(r.outcome, HTTP_TLS_HANDSHAKE);
    }
    waitpid(pid, NULL, 0);
    close(fd);
    close(pipefd[0]);
    close(pipefd[1]);
}

TEST(a_long_body_is_cut_and_says_so)
{
    HTTP;
    struct http_request request = {.url = url("/big"), .body_keep = 1000};
    RESPONSE = ask(http, &request);

    assert_int_equal(r.outcome, HTTP_OK);
    assert_int_equal(r.body.len, 1000);
    assert_int_equal(r.body_bytes, 1000000);
    assert_true(r.truncated);
}

TEST(a_body_past_its_ceiling_is_aborted_one_of_the_ceiling_is_not)
{
    HTTP;
    struct http_request request = {.url = url("/big"), .body_max = 999999};

    {
        RESPONSE = ask(http, &request);
        assert_int_equal(r.outcome, HTTP_TOO_LARGE);
        assert_int_equal(r.status, 200);
    }
    request.body_max = 1000000;
    {
        RESPONSE = ask(http, &request);
        assert_int_equal(r.outcome, HTTP_OK);
    }
}

TEST(gzip_is_decoded_only_when_asked_and_only_once)
{
    HTTP;
    struct http_request request = {.url = url("/gzip")};

    {
        RESPONSE = ask(http, &request);
        assert_int_equal(r.body_bytes, 25);
    }
    request.gzip = true;
    {
        RESPONSE = ask(http, &request);
        assert_string_equal(buf_str(&r.body), "hello");
    }
    request.body_max = 4;
    {
        RESPONSE = ask(http, &request);
        assert_int_equal(r.outcome, HTTP_TOO_LARGE);
    }
    request.body_max = 0;
    request.url = url("/gzip-twice");
    {
        RESPONSE = ask(http, &request);
        assert_int_equal(r.outcome, HTTP_PROTOCOL);
    }
}

TEST(a_request_goes_out_as_given_and_with_nothing_else)
{
    HTTP;
    static const struct http_header headers[] = {{"X-A", "1"}, {"X-Empty", ""}};
    struct http_request request = {.method = "POST",
                                   .url = url("/echo/../x?b&a=%2f"),
                                   .exact = true,
                                   .headers = headers,
                                   .headers_n = 2,
                                   .body = "a\0b",
                                   .body_len = 3};
    char expected[512];

    snprintf(
        expected, sizeof expected,
        "POST /echo/../x?b&a=%%2f HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUser-Agent: sluice/0.1.0\r\n"
        "X-A: 1\r\nX-Empty:\r\nContent-Length: 3\r\n\r\na",
        server_port);
    {
        RESPONSE = ask(http, &request);
        assert_string_equal(buf_str(&r.body), expected);
    }
}

TEST(methods_and_bodies_are_sent_as_they_should)
{
    static const struct {
        const char *method, *body, *line, *length;
    } cases[] = {
        {NULL, NULL, "GET /echo ", NULL},
        {"GET", "x", "GET /echo ", "Content-Length: 1\r\n"},
        {"POST", NULL, "POST /echo ", "Content-Length: 0\r\n"},
        {"PUT", "xyz", "PUT /echo ", "Content-Length: 3\r\n"},
        {"PATCH", "xy", "PATCH /echo ", "Content-Length: 2\r\n"},
        {"DELETE", NULL, "DELETE /echo ", NULL},
        {"DELETE", "x", "DELETE /echo ", "Content-Length: 1\r\n"},
        {"OPTIONS", NULL, "OPTIONS /echo ", NULL},
    };
    HTTP;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct http_request request = {.method = cases[i].method,
                                       .url = url("/echo"),
                                       .body = cases[i].body,
                                       .body_len = cases[i].body ? strlen(cases[i].body) : 0};
        RESPONSE = ask(http, &request);

        assert_memory_equal(buf_str(&r.body), cases[i].line, strlen(cases[i].line));
        if (cases[i].length)
            assert_non_null(strstr(buf_str(&r.body), cases[i].length));
        else
            assert_null(strstr(buf_str(&r.body), "Content-Length"));
        assert_null(strstr(buf_str(&r.body), "Content-Type"));
        assert_null(strstr(buf_str(&r.body), "Expect"));
        assert_null(strstr(buf_str(&r.body), "Encoding"));
    }
}

TEST(nothing_is_left_of_the_request_before)
{
    HTTP;
    static const struct http_header headers[] = {{"Authorization", "Bearer x"}};
    char pin[64], plain[256];
    struct http_request loaded[] = {
        {.method = "POST",
         .url = "http://www.example.test/echo",
         .connect_to = pin,
         .exact = true,
         .headers = headers,
         .headers_n = 1,
         .body = "secret",
         .body_len = 6,
         .gzip = true,
         .fresh = true,
         .certificate = true,
         .ca_file = "/nonexistent",
         .body_keep = 3},
        {.method = "HEAD", .url = "http://www.example.test/ok", .connect_to = pin},
        {.method = "DELETE", .url = "http://www.example.test/ok", .connect_to = pin},
    };

    snprintf(pin, sizeof pin, "127.0.0.1:%d", server_port);
    snprintf(plain, sizeof plain,
             "GET /echo HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUser-Agent: sluice/0.1.0\r\n"
             "Accept: */*\r\n\r\n",
             server_port);
    for (size_t i = 0; i < ARRAY_LEN(loaded); i++) {
        struct http_response first = ask(http, &loaded[i]);

        assert_int_equal(first.outcome, HTTP_OK);
        assert_true(i != 1 || first.body_bytes == 0);
        http_response_clear(&first);
        {
            RESPONSE = get(http, "/echo");
            assert_string_equal(buf_str(&r.body), plain);
        }
    }
}

TEST(what_cannot_be_sent_is_answered_as_invalid)
{
    static const struct http_header crlf = {"X", "a\r\nHost: evil"}, colon = {"X:", "a"};
    struct http_request cases[] = {
        {.url = "ftp://127.0.0.1/"},
        {.url = "file:///etc/passwd"},
        {.url = "http://user:pw@127.0.0.1/"},
        {.url = "not a url"},
        {.url = url("/ok"), .headers = &crlf, .headers_n = 1},
        {.url = url("/ok"), .headers = &colon, .headers_n = 1},
        {.url = url("/ok"), .method = "GET /x"},
        {.url = "https://127.0.0.1:1/", .ca_file = "/nonexistent"},
        {.url = "http://169.254.169.254/latest/", .total_ms = 5000},
        {.url = "http://[::ffff:169.254.169.254]/", .total_ms = 5000},
    };
    HTTP;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        RESPONSE = ask(http, &cases[i]);

        if (i == 7) /* nobody listens there, so the CA file is not looked at */
            assert_int_not_equal(r.outcome, HTTP_OK);
        else
            assert_int_equal(r.outcome, HTTP_INVALID);
    }
}

TEST(a_pin_leads_elsewhere_under_the_real_name)
{
    HTTP;
    char pin[64], host[64];
    struct http_request request = {.url = "http://www.example.test/echo", .connect_to = pin};

    snprintf(pin, sizeof pin, "127.0.0.1:%d", server_port);
    {
        RESPONSE = ask(http, &request);
        assert_non_null(strstr(buf_str(&r.body), "\r\nHost: www.example.test\r\n"));
        assert_string_equal(r.remote, pin);
    }
    snprintf(host, sizeof host, "www.example.test:80:127.0.0.1");
    {
        const char *lines[] = {host};
        struct http_request resolved = {
            .url = "http://www.example.test/", .resolve = lines, .resolve_n = 1, .connect_ms = 500};
        RESPONSE = ask(http, &resolved);
        assert_int_not_equal(r.outcome, HTTP_DNS);
    }
}

TEST(proxies_of_the_environment_are_ignored)
{
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
    {
        HTTP;
        RESPONSE = get(http, "/ok");
        assert_int_equal(r.outcome, HTTP_OK);
    }
    unsetenv("http_proxy");
    unsetenv("ALL_PROXY");
}

static bool until_one(void *ctx, const char *data, size_t len, int64_t at_us)
{
    (void)ctx;
    assert_true(at_us > 0);
    return !memmem(data, len, "data: 1\n\n", 9);
}

TEST(a_stream_can_be_stopped_from_its_body)
{
    HTTP;
    struct http_request request = {.url = url("/stream"), .on_body = until_one};
    RESPONSE = ask(http, &request);

    assert_int_equal(r.outcome, HTTP_OK);
    assert_true(r.stopped);
    assert_string_equal(buf_str(&r.body), "data: 1\n\n");
}

TEST(a_cancelled_request_is_answered_once)
{
    HTTP;
    struct http_request request = {.url = url("/hold")};
    struct err err = {0};
    struct http_done done;
    uint64_t id = http_start(http, &request, NULL);

    assert_true(http_wait(http, NULL, 0, 0, &err));
    http_cancel(http, id);
    http_cancel(http, id);
    http_cancel(http, 999);
    assert_int_equal(http_active(http), 1);
    assert_true(http_next(http, &done));
    assert_int_equal(done.id, id);
    assert_int_equal(done.response.outcome, HTTP_CANCELLED);
    http_response_clear(&done.response);
    assert_false(http_next(http, &done));
}

TEST(foreign_descriptors_end_the_wait_with_what_poll_says)
{
    HTTP;
    struct http_request request = {.url = url("/hold")};
    struct pollfd fds[3] = {{.fd = -1, .events = POLLIN}};
    struct err err = {0};
    int a[2], b[2];

    assert_int_equal(pipe(a), 0);
    assert_int_equal(pipe(b), 0);
    fds[1] = (struct pollfd){.fd = a[0], .events = POLLIN};
    fds[2] = (struct pollfd){.fd = b[0], .events = POLLIN};
    http_start(http, &request, NULL);
    assert_int_equal(write(a[1], "x", 1), 1);
    do
        assert_true(http_wait(http, fds, 3, 5000, &err));
    while (!fds[1].revents);
    assert_int_equal(fds[1].revents, POLLIN);
    assert_int_equal(fds[2].revents, 0);
    close(b[1]); /* POLLHUP alone */
    fds[1].fd = -1;
    do
        assert_true(http_wait(http, fds, 3, 5000, &err));
    while (!fds[2].revents);
    assert_true(fds[2].revents & POLLHUP);
    close(a[0]);
    close(a[1]);
    close(b[0]);
}

TEST(a_wait_without_transfers_ends_by_its_timeout)
{
    HTTP;
    struct err err = {0};
    int64_t before = clock_boot_us();

    assert_true(http_wait(http, NULL, 0, 30, &err));
    assert_true(clock_boot_us() - before >= 29000);
}

TEST(many_requests_run_at_once_and_each_is_answered_with_its_own_context)
{
    HTTP;
    struct http_request request = {.url = url("/ok"), .connect_ms = 60000, .total_ms = 120000};
    bool seen[200] = {false};
    const size_t n = getenv("SLUICE_VALGRIND") ? 50 : ARRAY_LEN(seen);

    http_prepare(http, n);
    for (size_t i = 0; i < n; i++)
        http_start(http, &request, &seen[i]);
    assert_int_equal(http_active(http), n);
    for (size_t i = 0; i < n; i++) {
        struct http_done done;

        wait_one(http, &done);
        assert_int_equal(done.response.outcome, HTTP_OK);
        assert_false(*(bool *)done.ctx);
        *(bool *)done.ctx = true;
        http_response_clear(&done.response);
    }
    assert_int_equal(http_active(http), 0);
}

TEST(freeing_with_requests_open_is_clean)
{
    HTTP;
    struct http_request hold_it = {.url = url("/hold")}, bad = {.url = "x"};
    struct err err = {0};

    http_start(http, &hold_it, NULL);
    http_start(http, &bad, NULL);
    assert_true(http_wait(http, NULL, 0, 0, &err));
}

/* -- TLS --------------------------------------------------------------------------------------- */

static char tls_dir[] = "/tmp/sluice-test-XXXXXX";
static char tls_ca[64];

static int make_certificates(void **state)
{
    static const char script[] =
        "cd %s && exec >/dev/null 2>&1; EC='-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 "
        "-nodes';"
        "openssl req -x509 $EC -keyout ca.key -out ca.pem -subj /CN=ca -days 3 &&"
        "openssl req $EC -keyout leaf.key -out leaf.csr -subj /CN=www.example.test &&"
        "echo subjectAltName=DNS:www.example.test >ext &&"
        "openssl x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -days 2 -extfile ext -out "
        "good.pem &&"
        "openssl x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -days -1 -extfile ext -out "
        "old.pem &&"
        "openssl req -x509 $EC -keyout self.key -out self.pem -subj /CN=www.example.test -days 2";
    char command[1024];

    (void)state;
    if (!mkdtemp(tls_dir))
        return 1;
    snprintf(command, sizeof command, script, tls_dir);
    snprintf(tls_ca, sizeof tls_ca, "%s/ca.pem", tls_dir);
    return system(command);
}

static int drop_certificates(void **state)
{
    char command[128];

    (void)state;
    snprintf(command, sizeof command, "rm -r %s", tls_dir);
    return system(command);
}

/* openssl s_server on a port of the kernel's choice, with two files of tls_dir. */
static pid_t start_tls(const char *cert, const char *key, int *port)
{
    int out[2];
    char line[256];
    FILE *f;
    pid_t pid;

    assert_int_equal(pipe(out), 0);
    pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(out[1], 1);
        dup2(open("/dev/null", O_RDWR), 2);
        if (chdir(tls_dir) == 0)
            execlp("openssl", "openssl", "s_server", "-accept", "127.0.0.1:0", "-www", "-cert",
                   cert, "-key", key, (char *)NULL);
        _exit(127);
    }
    close(out[1]);
    f = fdopen(out[0], "r");
    *port = 0;
    while (!*port && fgets(line, sizeof line, f))
        sscanf(line, "ACCEPT 127.0.0.1:%d", port);
    fclose(f);
    assert_int_not_equal(*port, 0);
    return pid;
}

static bool shake_only;

static struct http_response ask_tls(const char *cert, const char *key, const char *host)
{
    HTTP;
    char target[128], pin[64];
    struct http_request request = {
        .url = target, .connect_to = pin, .ca_file = tls_ca, .certificate = true, .total_ms = 5000,
        .handshake = shake_only};
    struct http_response r;
    int port;
    pid_t pid = start_tls(cert, key, &port);

    snprintf(target, sizeof target, "https://%s/", host);
    snprintf(pin, sizeof pin, "127.0.0.1:%d", port);
    r = ask(http, &request);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    return r;
}

TEST(a_good_certificate_is_taken_and_described)
{
    RESPONSE = ask_tls("good.pem", "leaf.key", "www.example.test");

    assert_int_equal(r.outcome, HTTP_OK);
    assert_int_equal(r.status, 200);
    assert_string_equal(r.tls_version, "TLSv1.3");
    assert_string_equal(r.certificate.subject_cn, "www.example.test");
    assert_int_equal(r.certificate.sans_n, 1);
    assert_string_equal(r.certificate.issuer, "CN=ca");
    assert_true(r.certificate.not_after_ms > clock_wall_ms(&clock_real));
    assert_true(r.timing.tls_us > 0);
}

TEST(bad_certificates_are_told_apart)
{
    static const struct {
        const char *cert, *key, *host;
        enum http_outcome outcome;
    } cases[] = {
        {"old.pem", "leaf.key", "www.example.test", HTTP_TLS_EXPIRED},
        {"good.pem", "leaf.key", "other.example.test", HTTP_TLS_NAME},
        {"self.pem", "self.key", "www.example.test", HTTP_TLS_UNTRUSTED},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        RESPONSE = ask_tls(cases[i].cert, cases[i].key, cases[i].host);

        if (r.outcome != cases[i].outcome)
            print_message("# %s: %s\n", cases[i].cert, r.reason);
        assert_int_equal(r.outcome, cases[i].outcome);
        assert_int_equal(r.timing.sent_at_us, 0);
        assert_int_equal(r.status, 0);
    }
}

TEST(a_handshake_alone_sends_no_request)
{
    shake_only = true;
    RESPONSE = ask_tls("good.pem", "leaf.key", "www.example.test");

    shake_only = false;
    assert_int_equal(r.outcome, HTTP_OK);
    assert_int_equal(r.status, 0);
    assert_int_equal(r.timing.sent_at_us, 0);
    assert_string_equal(r.certificate.subject_cn, "www.example.test");
    assert_true(r.timing.tls_us > 0);
}

TEST(a_failed_handshake_says_what_a_request_would)
{
    shake_only = true;
    RESPONSE = ask_tls("good.pem", "leaf.key", "other.example.test");

    shake_only = false;
    assert_int_equal(r.outcome, HTTP_TLS_NAME);
    assert_true(r.remote[0]);
}

/* -- urls -------------------------------------------------------------------------------------- */

TEST(a_url_falls_into_its_pieces)
{
    struct http_url u SL_CLEANUP(http_url_clear) = {0};
    struct err err = {0};

    assert_true(http_url_parse(&u, "HTTPS://WWW.Example.com/a/../b?c=d#e", &err));
    assert_string_equal(u.scheme, "https");
    assert_string_equal(u.host, "www.example.com");
    assert_int_equal(u.port, 443);
    assert_string_equal(u.path, "/a/../b");
    assert_string_equal(u.query, "c=d");
    http_url_clear(&u);
    assert_true(http_url_parse(&u, "http://[2001:DB8::1]:8080", &err));
    assert_string_equal(u.host, "[2001:db8::1]");
    assert_int_equal(u.port, 8080);
    assert_string_equal(u.path, "/");
    assert_null(u.query);
}

TEST(what_is_no_http_url_is_refused)
{
    static const char *const bad[] = {
        "",
        "/path",
        "ftp://a/",
        "http://",
        "http://a b/",
        "http://a/\n",
        "http://u:p@a/",
        "http://a:99999/",
        "http://a:0x50/",
        "javascript:alert(1)",
    };

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct http_url u SL_CLEANUP(http_url_clear) = {0};
        struct err err = {0};

        if (http_url_parse(&u, bad[i], &err))
            print_message("# taken: %s\n", bad[i]);
        assert_int_equal(err.kind, ERR_FILE);
    }
}

TEST(a_reference_is_seen_from_its_base)
{
    static const struct {
        const char *base, *ref, *result;
    } cases[] = {
        {"https://a.example/x/y?q", "/login", "https://a.example/login"},
        {"https://a.example/x/y?q", "z", "https://a.example/x/z"},
        {"https://a.example/x/y?q", "?r=1", "https://a.example/x/y?r=1"},
        {"https://a.example/x/y?q", "//b.example/z", "https://b.example/z"},
        {"https://a.example/x/y?q", "http://b.example:81/z#frag", "http://b.example:81/z"},
        {"https://a.example", "/v1/clients?q=acme", "https://a.example/v1/clients?q=acme"},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf out SL_CLEANUP(buf_clear) = {0};
        struct err err = {0};

        assert_true(http_url_resolve(&out, cases[i].base, cases[i].ref, &err));
        assert_string_equal(buf_str(&out), cases[i].result);
    }
}

TEST(every_outcome_has_a_name)
{
    for (int o = 0; o < HTTP_OUTCOME_COUNT; o++)
        assert_true(strlen(http_outcome_name((enum http_outcome)o)) > 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_comes_with_status_header_body_and_times),
        cmocka_unit_test(a_connection_is_used_again_unless_a_fresh_one_is_asked),
        cmocka_unit_test(a_redirect_is_a_result),
        cmocka_unit_test(interim_answers_and_trailers_are_dropped_and_folds_joined),
        cmocka_unit_test(every_kind_of_broken_answer_has_its_outcome),
        cmocka_unit_test(nobody_listening_is_refused),
        cmocka_unit_test(a_silent_server_meets_the_total_deadline),
        cmocka_unit_test(a_body_that_does_not_end_meets_the_total_deadline_and_is_kept),
        cmocka_unit_test(a_listener_that_never_speaks_tls_meets_the_connect_deadline),
        cmocka_unit_test(plain_http_on_a_tls_url_is_a_failed_handshake),
        cmocka_unit_test(a_long_body_is_cut_and_says_so),
        cmocka_unit_test(a_body_past_its_ceiling_is_aborted_one_of_the_ceiling_is_not),
        cmocka_unit_test(gzip_is_decoded_only_when_asked_and_only_once),
        cmocka_unit_test(a_request_goes_out_as_given_and_with_nothing_else),
        cmocka_unit_test(methods_and_bodies_are_sent_as_they_should),
        cmocka_unit_test(nothing_is_left_of_the_request_before),
        cmocka_unit_test(what_cannot_be_sent_is_answered_as_invalid),
        cmocka_unit_test(a_pin_leads_elsewhere_under_the_real_name),
        cmocka_unit_test(proxies_of_the_environment_are_ignored),
        cmocka_unit_test(a_stream_can_be_stopped_from_its_body),
        cmocka_unit_test(a_cancelled_request_is_answered_once),
        cmocka_unit_test(foreign_descriptors_end_the_wait_with_what_poll_says),
        cmocka_unit_test(a_wait_without_transfers_ends_by_its_timeout),
        cmocka_unit_test(many_requests_run_at_once_and_each_is_answered_with_its_own_context),
        cmocka_unit_test(freeing_with_requests_open_is_clean),
        cmocka_unit_test(a_url_falls_into_its_pieces),
        cmocka_unit_test(what_is_no_http_url_is_refused),
        cmocka_unit_test(a_reference_is_seen_from_its_base),
        cmocka_unit_test(every_outcome_has_a_name),
    };
    const struct CMUnitTest tls_tests[] = {
        cmocka_unit_test(a_good_certificate_is_taken_and_described),
        cmocka_unit_test(bad_certificates_are_told_apart),
        cmocka_unit_test(a_handshake_alone_sends_no_request),
        cmocka_unit_test(a_failed_handshake_says_what_a_request_would),
    };
    int failed = cmocka_run_group_tests(tests, start_server, stop_server);

    return failed + cmocka_run_group_tests(tls_tests, make_certificates, drop_certificates);
}
