/* test_control.c: words to a running ramp, both ends in one process. */
#include "test.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "control.h"
#include "sluice/clock.h"

struct place {
    char path[64];
    int dirfd;
};

static struct place place_new(void)
{
    struct place p = {.path = "/tmp/sluice-control-XXXXXX"};

    assert_non_null(mkdtemp(p.path));
    p.dirfd = open(p.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return p;
}

static void place_clear(struct place *p)
{
    close(p->dirfd);
    assert_int_equal(rmdir(p->path), 0); /* the socket is gone */
}

struct asker {
    int dirfd;
    struct buf answer;
    struct err err;
    bool ok;
};

static void *ask(void *arg)
{
    struct asker *a = arg;

    a->ok = control_ask(a->dirfd, "shop", "pause", 10000, &a->answer, &a->err);
    return NULL;
}

static const char *wait_word(struct control *c)
{
    const char *word = NULL;

    for (int i = 0; i < 1000 && !word; i++) {
        struct pollfd fds[CONTROL_FDS_MAX];
        size_t n = control_fds(c, fds);

        poll(fds, (nfds_t)n, 100);
        control_step(c, clock_boot_ms(&clock_real));
        word = control_next(c);
    }
    return word;
}

TEST(a_word_is_heard_and_answered)
{
    struct place p = place_new();
    struct err err = {0};
    struct control *c = control_new(p.dirfd, "shop", &err);
    struct asker a = {.dirfd = p.dirfd};
    pthread_t thread;
    const char *word;

    assert_non_null(c);
    assert_int_equal(pthread_create(&thread, NULL, ask, &a), 0);
    word = wait_word(c);
    assert_non_null(word);
    assert_string_equal(word, "pause");
    control_answer(c, "ok paused");
    pthread_join(thread, NULL);
    assert_true(a.ok);
    assert_string_equal(buf_str(&a.answer), "ok paused");
    buf_clear(&a.answer);
    control_free(c);
    place_clear(&p);
}

TEST(nobody_listening_is_said)
{
    struct place p = place_new();
    struct asker a = {.dirfd = p.dirfd};

    ask(&a);
    assert_false(a.ok);
    assert_int_equal(a.err.kind, ERR_REFUSED);
    place_clear(&p);
}

TEST(what_a_dead_run_left_is_replaced)
{
    struct place p = place_new();
    struct err err = {0};
    int fd = openat(p.dirfd, "shop.sock", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    struct control *c;

    close(fd);
    c = control_new(p.dirfd, "shop", &err);
    assert_non_null(c);
    control_free(c);
    place_clear(&p);
}

static int connect_raw(const struct place *p)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(to.sun_path, sizeof to.sun_path, "%.60s/shop.sock", p->path);
    assert_int_equal(connect(fd, (const struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

TEST(who_says_nothing_or_too_much_is_cut_off)
{
    struct place p = place_new();
    struct err err = {0};
    struct control *c = control_new(p.dirfd, "shop", &err);
    int silent = connect_raw(&p), loud = connect_raw(&p);
    char big[200], byte;

    memset(big, 'x', sizeof big);
    assert_int_equal(write(loud, big, sizeof big), (int)sizeof big);
    control_step(c, 1000);
    control_step(c, 1001);
    assert_int_equal(read(loud, &byte, 1) <= 0, 1);
    control_step(c, 1000 + CONTROL_IDLE_MS + 1);
    assert_int_equal(read(silent, &byte, 1), 0);
    assert_null(control_next(c));
    close(silent);
    close(loud);
    control_free(c);
    place_clear(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_word_is_heard_and_answered),
        cmocka_unit_test(nobody_listening_is_said),
        cmocka_unit_test(what_a_dead_run_left_is_replaced),
        cmocka_unit_test(who_says_nothing_or_too_much_is_cut_off),
    };

    return cmocka_run_group_tests_name("control", tests, NULL, NULL);
}
