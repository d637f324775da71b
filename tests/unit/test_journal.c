/* test_journal.c: the lines in memory, and the file with its writer thread. */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "journal.h"
#include "journal_file.h"
#include "sluice/clock.h"
#include "sluice/file.h"

static void add_line_behind(struct buf *out, uint64_t seq, uint64_t synced, const char *word)
{
    struct err err = {0};
    json_t *event = json_pack("{s:s, s:s}", "kind", "tick", "word", word);
    json_t *actions = json_array(), *state = json_pack("{s:I}", "n", (json_int_t)seq);

    if (!journal_format(out, seq, synced, 1770000000123, event, actions, state, &err))
        fail_msg("%s", err.text);
    json_decref(event);
    json_decref(actions);
    json_decref(state);
}

/* Every line before it was durable. */
static void add_line(struct buf *out, uint64_t seq, const char *word)
{
    add_line_behind(out, seq, seq - 1, word);
}

static void three_lines(struct buf *out)
{
    add_line(out, 1, "one");
    add_line(out, 2, "two \n \x1b[31m \xc3\xa9");
    add_line(out, 3, "three");
}

TEST(a_line_reads_back_as_it_was_written)
{
    struct buf b = {0};
    struct journal_line line;
    struct err err = {0};

    add_line(&b, 7, "x \"quoted\" \n");
    assert_int_equal(b.data[b.len - 1], '\n');
    assert_true(journal_parse_line(b.data, b.len - 1, &line, &err));
    assert_int_equal(line.seq, 7);
    assert_int_equal(line.time_ms, 1770000000123);
    assert_string_equal(json_string_value(json_object_get(line.event, "word")), "x \"quoted\" \n");
    assert_int_equal(json_integer_value(json_object_get(line.state, "n")), 7);
    journal_line_clear(&line);
    buf_clear(&b);
}

TEST(the_crc_is_zlibs)
{
    assert_int_equal(journal_crc("123456789", 9), 0xcbf43926);
}

TEST(a_journal_torn_at_any_byte_ends_at_its_last_whole_line)
{
    struct buf b = {0};
    size_t ends[4] = {0};

    add_line(&b, 1, "one");
    ends[1] = b.len;
    add_line(&b, 2, "two");
    ends[2] = b.len;
    add_line(&b, 3, "three");
    ends[3] = b.len;
    for (size_t len = 0; len <= b.len; len++) {
        struct journal_reading r;
        struct err err = {0};
        uint64_t whole = len < ends[1] ? 0 : len < ends[2] ? 1 : len < ends[3] ? 2 : 3;
        bool ok = journal_read(b.data, len, NULL, NULL, NULL, &r, &err);

        assert_int_equal(ok, whole > 0);
        if (ok) {
            assert_int_equal(r.last.seq, whole);
            assert_int_equal(r.whole_bytes, ends[whole]);
            assert_int_equal(r.end, len == ends[whole] ? JOURNAL_WHOLE : JOURNAL_TORN);
        } else {
            assert_int_equal(err.kind, ERR_REFUSED);
        }
        journal_reading_clear(&r);
    }
    buf_clear(&b);
}

TEST(any_flipped_bit_is_noticed_and_only_the_last_line_is_taken_for_torn)
{
    struct buf b = {0};
    size_t last;

    three_lines(&b);
    last = b.len - 1;
    while (b.data[last - 1] != '\n')
        last--;
    for (size_t at = 0; at < b.len; at++) {
        for (int bit = 0; bit < 8; bit++) {
            struct journal_reading r;
            struct err err = {0};

            b.data[at] = (char)(b.data[at] ^ (1 << bit));
            assert_true(journal_read(b.data, b.len, NULL, NULL, NULL, &r, &err));
            assert_int_equal(r.end, at < last ? JOURNAL_DAMAGED : JOURNAL_TORN);
            assert_int_equal(r.last.seq, at < last ? 3 : 2);
            journal_reading_clear(&r);
            b.data[at] = (char)(b.data[at] ^ (1 << bit));
        }
    }
    buf_clear(&b);
}

/* Lines 1 and 2 durable, 3 to 5 only written: in lines of `seq` what the disk did is done. */
static size_t five_lines(struct buf *out, size_t ends[6])
{
    for (uint64_t seq = 1; seq <= 5; seq++) {
        add_line_behind(out, seq, seq <= 2 ? seq - 1 : 2, "a summary of some seconds");
        ends[seq] = out->len;
    }
    return ends[2];
}

static bool sum_lines(void *ctx, const struct journal_line *line)
{
    *(uint64_t *)ctx += line->seq;
    return true;
}

TEST(what_was_never_synced_may_be_lost_in_any_order_and_is_dropped_from_there_on)
{
    static const struct {
        uint64_t from, to; /* these lines' bytes are zeros */
        uint64_t last;     /* what is left */
        enum journal_end end;
    } cases[] = {
        {3, 3, 2, JOURNAL_TORN},    {3, 4, 2, JOURNAL_TORN},    {4, 4, 3, JOURNAL_TORN},
        {5, 5, 4, JOURNAL_TORN},    {2, 2, 5, JOURNAL_DAMAGED}, {1, 1, 5, JOURNAL_DAMAGED},
        {2, 3, 5, JOURNAL_DAMAGED},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf b = {0};
        struct journal_reading r;
        struct err err = {0};
        size_t ends[6] = {0};
        uint64_t sum = 0, want = 0;

        five_lines(&b, ends);
        memset(b.data + ends[cases[i].from - 1], 0, ends[cases[i].to] - ends[cases[i].from - 1]);
        assert_true(journal_read(b.data, b.len, NULL, sum_lines, &sum, &r, &err));
        assert_int_equal(r.end, cases[i].end);
        assert_int_equal(r.last.seq, cases[i].last);
        assert_int_equal(r.whole_bytes, ends[cases[i].last]);
        assert_int_equal(r.bad_line, cases[i].from);
        for (uint64_t seq = 1; seq <= cases[i].last; seq++)
            want += seq < cases[i].from || seq > cases[i].to ? seq : 0;
        assert_int_equal(sum, want);
        journal_reading_clear(&r);
        buf_clear(&b);
    }
}

TEST(any_sectors_of_the_tail_may_be_missing_and_nothing_that_was_synced_is_lost)
{
    for (uint32_t kept = 0; kept < 64; kept++) {
        struct buf b = {0};
        struct journal_reading r;
        struct err err = {0};
        size_t ends[6] = {0}, safe = five_lines(&b, ends), piece = (b.len - safe + 5) / 6;

        for (uint32_t k = 0; k < 6; k++)
            if (!(kept >> k & 1))
                for (size_t at = safe + k * piece; at < safe + (k + 1) * piece && at < b.len; at++)
                    b.data[at] = '\0';
        assert_true(journal_read(b.data, b.len, NULL, NULL, NULL, &r, &err));
        assert_int_equal(r.end, kept == 63 ? JOURNAL_WHOLE : JOURNAL_TORN);
        assert_true(r.last.seq >= 2);
        assert_int_equal(r.whole_bytes, ends[r.last.seq]);
        journal_reading_clear(&r);
        buf_clear(&b);
    }
}

TEST(a_journal_of_before_lines_said_what_was_synced_is_read_as_strictly_as_then)
{
    struct buf b = {0};
    struct journal_reading r;
    struct err err = {0};

    for (int seq = 1; seq <= 3; seq++) {
        char body[160];

        snprintf(
            body, sizeof body,
            "{\"v\":1,\"seq\":%d,\"time\":\"2026-02-02T02:40:00.123Z\",\"event\":{},\"actions\":[],"
            "\"state\":{}",
            seq);
        buf_addf(&b, "%s,\"crc\":\"%08x\"}\n", seq == 2 ? "{\"v\":1,\"seq\":2" : body,
                 journal_crc(body, strlen(body)));
    }
    assert_true(journal_read(b.data, b.len, NULL, NULL, NULL, &r, &err));
    assert_int_equal(r.end, JOURNAL_DAMAGED);
    journal_reading_clear(&r);
    buf_clear(&b);
}

TEST(a_line_left_out_is_damage)
{
    struct buf b = {0};
    struct journal_reading r;
    struct err err = {0};

    add_line(&b, 1, "one");
    add_line(&b, 3, "three");
    assert_true(journal_read(b.data, b.len, NULL, NULL, NULL, &r, &err));
    assert_int_equal(r.end, JOURNAL_DAMAGED);
    assert_int_equal(r.bad_line, 2);
    journal_reading_clear(&r);
    buf_clear(&b);
}

TEST(another_version_is_refused_by_name)
{
    struct buf b = {0};
    struct journal_reading r;
    struct err err = {0};
    char body[] = "{\"v\":9,\"seq\":1,\"new\":true";

    buf_addf(&b, "%s,\"crc\":\"%08x\"}\n", body, journal_crc(body, strlen(body)));
    assert_false(journal_read(b.data, b.len, NULL, NULL, NULL, &r, &err));
    assert_int_equal(err.kind, ERR_REFUSED);
    assert_non_null(strstr(err.text, "format 9"));
    journal_reading_clear(&r);
    buf_clear(&b);
}

static bool count_line(void *ctx, const struct journal_line *line)
{
    *(uint64_t *)ctx += line->seq;
    return line->seq < 2;
}

TEST(a_visitor_sees_the_lines_in_order_and_may_stop)
{
    struct buf b = {0};
    struct journal_reading r;
    struct err err = {0};
    uint64_t sum = 0;

    three_lines(&b);
    assert_true(journal_read(b.data, b.len, NULL, count_line, &sum, &r, &err));
    assert_int_equal(sum, 3);
    journal_reading_clear(&r);
    buf_clear(&b);
}

TEST(a_line_past_its_ceiling_is_refused)
{
    struct buf b = {0};
    struct err err = {0};
    char *big = malloc(JOURNAL_LINE_MAX);
    json_t *event, *actions = json_array(), *no_state = json_object();

    memset(big, 'x', JOURNAL_LINE_MAX - 1);
    big[JOURNAL_LINE_MAX - 1] = '\0';
    event = json_pack("{s:s}", "kind", big);
    assert_false(journal_format(&b, 1, 0, 0, event, actions, no_state, &err));
    assert_int_equal(err.kind, ERR_LIMIT);
    assert_int_equal(b.len, 0);
    json_decref(event);
    json_decref(actions);
    json_decref(no_state);
    free(big);
    buf_clear(&b);
}

/* ---- On disk ---- */

struct place {
    char path[64];
    int dirfd;
};

static struct place place_new(void)
{
    struct place p = {.path = "/tmp/sluice-journal-XXXXXX"};

    assert_non_null(mkdtemp(p.path));
    p.dirfd = open(p.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(p.dirfd >= 0);
    return p;
}

static void place_clear(struct place *p)
{
    static const char *const names[] = {"shop.r1.jsonl", "shop.r2.jsonl", "shopping.r9.jsonl",
                                        "shop.lock"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        unlinkat(p->dirfd, names[i], 0);
    close(p->dirfd);
    rmdir(p->path);
}

static uint64_t append(struct journal *j, const char *word, bool sync)
{
    json_t *event = json_pack("{s:s}", "kind", word), *actions = json_array(),
           *state = json_object();
    uint64_t seq = journal_append(j, 1770000000000, event, actions, state, sync);

    json_decref(event);
    json_decref(actions);
    json_decref(state);
    return seq;
}

/* Waits for news, at most ten seconds. */
static void wait_news(const struct journal *j)
{
    struct pollfd fd = {.fd = journal_fd(j), .events = POLLIN};

    assert_int_equal(poll(&fd, 1, 10000), 1);
}

static struct journal *new_journal(const struct place *p, const struct journal_hooks *hooks)
{
    struct err err = {0};
    struct journal *j = journal_create(p->dirfd, "shop.r1.jsonl", hooks, &err);

    assert_non_null(j);
    return j;
}

TEST(a_synced_line_is_told_through_the_descriptor)
{
    struct place p = place_new();
    struct journal *j = new_journal(&p, NULL);
    struct journal_reading r;
    struct err err = {0};
    uint64_t seq = append(j, "begin", true);

    while (journal_synced(j) < seq)
        wait_news(j);
    assert_false(journal_dead(j, NULL));
    append(j, "probes", false);
    assert_true(journal_close(j, 5000));
    assert_true(journal_load(p.dirfd, "shop.r1.jsonl", NULL, NULL, NULL, &r, &err));
    assert_int_equal(r.n_lines, 2);
    assert_int_equal(r.end, JOURNAL_WHOLE);
    journal_reading_clear(&r);
    place_clear(&p);
}

TEST(a_torn_journal_is_cut_and_goes_on_with_the_next_number)
{
    struct place p = place_new();
    struct journal *j = new_journal(&p, NULL);
    struct journal_reading r;
    struct err err = {0};
    int fd;

    append(j, "one", true);
    append(j, "two", true);
    assert_true(journal_close(j, 5000));
    fd = openat(p.dirfd, "shop.r1.jsonl", O_WRONLY | O_APPEND | O_CLOEXEC);
    assert_int_equal(write(fd, "{\"v\":1,\"seq\":3,\"ti", 18), 18);
    close(fd);
    assert_true(journal_load(p.dirfd, "shop.r1.jsonl", NULL, NULL, NULL, &r, &err));
    assert_int_equal(r.end, JOURNAL_TORN);
    j = journal_continue(p.dirfd, "shop.r1.jsonl", &r, NULL, &err);
    assert_non_null(j);
    journal_reading_clear(&r);
    assert_int_equal(append(j, "three", true), 3);
    assert_true(journal_close(j, 5000));
    assert_true(journal_load(p.dirfd, "shop.r1.jsonl", NULL, NULL, NULL, &r, &err));
    assert_int_equal(r.end, JOURNAL_WHOLE);
    assert_int_equal(r.n_lines, 3);
    journal_reading_clear(&r);
    place_clear(&p);
}

TEST(a_damaged_journal_is_not_continued)
{
    struct place p = place_new();
    struct journal_reading r = {.end = JOURNAL_DAMAGED, .bad_line = 4};
    struct err err = {0};

    assert_null(journal_continue(p.dirfd, "shop.r1.jsonl", &r, NULL, &err));
    assert_int_equal(err.kind, ERR_REFUSED);
    assert_non_null(strstr(err.text, "line 4"));
    place_clear(&p);
}

static ssize_t full_disk(int fd, const void *data, size_t len)
{
    (void)fd;
    (void)data;
    (void)len;
    errno = ENOSPC;
    return -1;
}

static int failing_sync(int fd)
{
    (void)fd;
    errno = EIO;
    return -1;
}

static void dies(const struct journal_hooks *hooks, const char *reason)
{
    struct place p = place_new();
    struct journal *j = new_journal(&p, hooks);
    struct err err = {0};
    uint64_t seq = append(j, "begin", true);

    wait_news(j);
    assert_int_equal(journal_synced(j), 0);
    assert_true(journal_dead(j, &err));
    assert_non_null(strstr(err.text, reason));
    /* It stays dead, and appending to it is harmless. */
    assert_true(append(j, "more", true) > seq);
    assert_false(journal_close(j, 5000));
    place_clear(&p);
}

TEST(a_full_disk_kills_the_journal)
{
    static const struct journal_hooks hooks = {.write = full_disk};

    dies(&hooks, "No space left");
}

TEST(a_failed_fsync_kills_the_journal)
{
    static const struct journal_hooks hooks = {.sync = failing_sync};

    dies(&hooks, "made durable");
}

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

static int hanging_sync(int fd)
{
    (void)fd;
    pthread_mutex_lock(&gate);
    pthread_mutex_unlock(&gate);
    return 0;
}

TEST(a_hanging_fsync_stops_nothing_but_the_answer)
{
    static const struct journal_hooks hooks = {.sync = hanging_sync};
    struct place p = place_new();
    struct journal *j = new_journal(&p, &hooks);
    int64_t before = clock_boot_ms(&clock_real);
    uint64_t seq;

    pthread_mutex_lock(&gate);
    seq = append(j, "begin", true);
    append(j, "more", true);
    assert_true(journal_synced(j) < seq);
    /* Closing gives up after its time and leaves the thread behind. */
    assert_false(journal_close(j, 20));
    assert_true(clock_boot_ms(&clock_real) - before < 10000);
    pthread_mutex_unlock(&gate);
    place_clear(&p);
}

static void put_file(struct journal *j, const char *name, const char *text)
{
    struct buf b = {0};

    buf_add_str(&b, text);
    journal_put_file(j, name, &b);
    assert_int_equal(b.len, 0); /* taken */
}

/* What stands in a file beside the journal; "" when there is none. */
static void file_is(const struct place *p, const char *name, const char *want)
{
    struct buf b SL_CLEANUP(buf_clear) = {0};
    struct err err = {0};

    assert_int_equal(file_read_at(&b, p->dirfd, name, 100, &err), *want != '\0');
    assert_string_equal(buf_str(&b), want);
}

/* A step's line that is durable has its rollback files on the disk before it. */
TEST(a_file_is_in_its_place_before_a_line_that_follows_it_is_durable)
{
    struct place p = place_new();
    struct journal *j = new_journal(&p, NULL);
    struct err err = {0};
    uint64_t seq;

    put_file(j, "shop.r2.jsonl", "old");
    put_file(j, "shop.r2.jsonl", "new");
    seq = append(j, "step", true);
    while (journal_synced(j) < seq)
        wait_news(j);
    file_is(&p, "shop.r2.jsonl", "new");
    put_file(j, "shopping.r9.jsonl", "last");
    assert_true(journal_close(j, 10000)); /* waits for files, too */
    file_is(&p, "shopping.r9.jsonl", "last");

    j = journal_create(p.dirfd, "shop.lock", NULL, &err);
    put_file(j, "no/such/directory", "x");
    wait_news(j);
    assert_true(journal_file_failed(j, &err));
    assert_true(strstr(err.text, "no/such/directory") != NULL);
    assert_false(journal_file_failed(j, &err)); /* told once */
    seq = append(j, "goes on", true);
    while (journal_synced(j) < seq)
        wait_news(j);
    assert_true(journal_close(j, 10000));
    place_clear(&p);
}

TEST(files_wait_for_no_disk)
{
    static const struct journal_hooks hooks = {.sync = hanging_sync};
    struct place p = place_new();
    struct journal *j = new_journal(&p, &hooks);

    pthread_mutex_lock(&gate);
    append(j, "begin", true);
    put_file(j, "shop.r2.jsonl", "never in time");
    assert_false(journal_close(j, 20));
    pthread_mutex_unlock(&gate);
    while (faccessat(p.dirfd, "shop.r2.jsonl", F_OK, 0) < 0)
        sched_yield();
    place_clear(&p);
}

TEST(the_newest_run_is_found_and_other_cutovers_are_not)
{
    static const char *const names[] = {"shop.r1.jsonl", "shop.r2.jsonl", "shopping.r9.jsonl"};
    struct place p = place_new();
    struct err err = {0};
    char name[JOURNAL_NAME_MAX];
    bool found;

    assert_true(journal_find(p.dirfd, "shop", NULL, name, &found, &err));
    assert_false(found);
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        close(openat(p.dirfd, names[i], O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    assert_true(journal_find(p.dirfd, "shop", NULL, name, &found, &err));
    assert_true(found);
    assert_string_equal(name, "shop.r2.jsonl");
    assert_true(journal_find(p.dirfd, "shop", "r1", name, &found, &err));
    assert_string_equal(name, "shop.r1.jsonl");
    assert_true(journal_find(p.dirfd, "shop", "r7", name, &found, &err));
    assert_false(found);
    place_clear(&p);
}

TEST(a_second_process_is_told_who_has_it)
{
    struct place p = place_new();
    struct err err = {0};
    int fd = journal_lock(p.dirfd, "shop", "pid 7 on here", &err), second;

    assert_true(fd >= 0);
    second = journal_lock(p.dirfd, "shop", "pid 8", &err);
    assert_int_equal(second, -1);
    assert_int_equal(err.kind, ERR_BUSY);
    assert_non_null(strstr(err.text, "pid 7 on here"));
    close(fd);
    place_clear(&p);
}

TEST(names_that_would_leave_the_directory_are_refused)
{
    static const char *const bad[] = {"", ".", "..", "a/b", "a.b", "a b", "../x", "-\n"};
    char name[JOURNAL_NAME_MAX];

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct err err = {0};

        assert_false(journal_name(name, bad[i], "r1", &err));
        assert_int_equal(err.kind, ERR_FILE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_reads_back_as_it_was_written),
        cmocka_unit_test(the_crc_is_zlibs),
        cmocka_unit_test(a_journal_torn_at_any_byte_ends_at_its_last_whole_line),
        cmocka_unit_test(any_flipped_bit_is_noticed_and_only_the_last_line_is_taken_for_torn),
        cmocka_unit_test(
            what_was_never_synced_may_be_lost_in_any_order_and_is_dropped_from_there_on),
        cmocka_unit_test(
            any_sectors_of_the_tail_may_be_missing_and_nothing_that_was_synced_is_lost),
        cmocka_unit_test(
            a_journal_of_before_lines_said_what_was_synced_is_read_as_strictly_as_then),
        cmocka_unit_test(a_line_left_out_is_damage),
        cmocka_unit_test(another_version_is_refused_by_name),
        cmocka_unit_test(a_visitor_sees_the_lines_in_order_and_may_stop),
        cmocka_unit_test(a_line_past_its_ceiling_is_refused),
        cmocka_unit_test(a_synced_line_is_told_through_the_descriptor),
        cmocka_unit_test(a_torn_journal_is_cut_and_goes_on_with_the_next_number),
        cmocka_unit_test(a_damaged_journal_is_not_continued),
        cmocka_unit_test(a_full_disk_kills_the_journal),
        cmocka_unit_test(a_failed_fsync_kills_the_journal),
        cmocka_unit_test(a_hanging_fsync_stops_nothing_but_the_answer),
        cmocka_unit_test(a_file_is_in_its_place_before_a_line_that_follows_it_is_durable),
        cmocka_unit_test(files_wait_for_no_disk),
        cmocka_unit_test(the_newest_run_is_found_and_other_cutovers_are_not),
        cmocka_unit_test(a_second_process_is_told_who_has_it),
        cmocka_unit_test(names_that_would_leave_the_directory_are_refused),
    };

    return cmocka_run_group_tests_name("journal", tests, NULL, NULL);
}
