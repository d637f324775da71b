/* sluice check: what it prints and returns, for a good plan, bad plans and bad suites. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cases.h"
#include "command.h"
#include "sluice/json.h"

struct shown {
    int status;
    struct buf out, err;
};

static void shown_clear(struct shown *s)
{
    buf_clear(&s->out);
    buf_clear(&s->err);
}

/* Sends fd to a file of its own and returns a copy of what it was. */
static int divert(int fd, const char *path)
{
    int was = dup(fd), to = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    assert_true(was >= 0 && to >= 0);
    dup2(to, fd);
    close(to);
    return was;
}

static void restore(int fd, int was)
{
    dup2(was, fd);
    close(was);
}

static void run_check(struct shown *s, const char *path, enum opts_format format)
{
    struct opts opts = {.args = {path}, .n_args = 1, .format = format};
    struct err err = {0};
    int out, bad;

    fflush(stdout);
    fflush(stderr);
    out = divert(1, "stdout.txt");
    bad = divert(2, "stderr.txt");
    s->status = cmd_check(&opts, &err);
    fflush(stdout);
    fflush(stderr);
    restore(1, out);
    restore(2, bad);
    assert_int_equal(err.kind, ERR_NONE);
    cases_read(&s->out, "stdout.txt");
    cases_read(&s->err, "stderr.txt");
}

static void put(const char *name, const char *text)
{
    struct buf b SL_CLEANUP(buf_clear) = {0};

    buf_add_str(&b, text);
    cases_write(name, &b);
}

#define PLAN(records, suites)                                                                        \
    "version: 1\ncutover: shop\nroute53: {zone: example.com}\n"                                       \
    "sides: {old: {set: heroku}, new: {set: ec2}}\nrecords: " records "\nsteps: [1, 100]\nbake: 1m\n" \
    "smoke: {suites: " suites "}\n"
#define WWW   "[{name: www.example.com, type: CNAME}]"
#define SUITE "version: 1\nbase_url: https://www.example.com\nchecks:\n  - name: home\n    request: {get: /}\n"

static int enter(void **state)
{
    static char dir[64];

    strcpy(dir, "/tmp/sluice-check-XXXXXX");
    assert_non_null(mkdtemp(dir));
    assert_int_equal(chdir(dir), 0);
    *state = dir;
    return 0;
}

static int leave(void **state)
{
    static const char *const names[] = {"stdout.txt", "stderr.txt", "plan.yaml", "shop.smoke.yaml"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        unlink(names[i]);
    return chdir("/") || rmdir(*state);
}

TEST(a_good_plan_is_told_in_a_few_lines)
{
    struct shown s SL_CLEANUP(shown_clear) = {0};

    put("plan.yaml", PLAN(WWW, "shop.smoke.yaml"));
    put("shop.smoke.yaml", SUITE);
    run_check(&s, "plan.yaml", OPTS_FORMAT_TEXT);
    assert_string_equal(buf_str(&s.err), "");
    assert_int_equal(s.status, 0);
    assert_string_equal(buf_str(&s.out),
                        "plan.yaml: cutover shop\n"
                        "  records  1, moved together\n"
                        "  steps    1 % for 1m, 100 % for 1m; soak 30m\n"
                        "  suite    shop.smoke.yaml: 1 check, 1 row; allowed 1%, unacceptable 5%\n"
                        "           a bake of step 1 gives 60 probes of it; 59 without a failure promote\n"
                        "  at least 32m, and the drain of every step\n"
                        "no fault found; nobody was asked\n");
}

TEST(json_carries_the_same_for_programs)
{
    struct shown s SL_CLEANUP(shown_clear) = {0};
    struct err err = {0};
    json_t *v;

    put("plan.yaml", PLAN("all", "[{suite: {version: 1, base_url: 'https://www.example.com', "
                                 "checks: [{name: home, request: {get: /}}]}}]"));
    run_check(&s, "plan.yaml", OPTS_FORMAT_JSON);
    assert_string_equal(buf_str(&s.err), "");
    assert_int_equal(s.status, 0);
    v = json_parse(buf_str(&s.out), s.out.len, &err);
    assert_non_null(v);
    assert_true(json_is_true(json_pointer_get(v, "/records_all")));
    assert_int_equal(json_integer_value(json_pointer_get(v, "/suites/0/checks")), 1);
    assert_int_equal(json_integer_value(json_pointer_get(v, "/steps/1/percent")), 100);
    assert_int_equal(json_array_size(json_pointer_get(v, "/errors")), 0);
    json_decref(v);
}

TEST(every_fault_of_a_plan_is_told_at_once)
{
    struct shown s SL_CLEANUP(shown_clear) = {0}, t SL_CLEANUP(shown_clear) = {0};
    struct err err = {0};
    json_t *v;

    put("plan.yaml", "version: 1\ncutover: shop\nbakes: 5m\nsteps: [1, 300]\n");
    run_check(&s, "plan.yaml", OPTS_FORMAT_TEXT);
    assert_int_equal(s.status, 78);
    assert_string_equal(buf_str(&s.out), "");
    assert_string_equal(buf_str(&s.err), "sluice: plan.yaml:3:1: unknown key 'bakes' in plan; did you mean 'bake'?\n"
                                         "  | bakes: 5m\n  | ^\n"
                                         "sluice: plan.yaml:4:12: 'percent': 300 is above 100\n"
                                         "  | steps: [1, 300]\n  |            ^\n"
                                         "sluice: plan.yaml:1:1: plan needs the key 'records'\n"
                                         "  | version: 1\n  | ^\n"
                                         "sluice: plan.yaml:1:1: plan needs the key 'smoke'\n"
                                         "  | version: 1\n  | ^\n");
    run_check(&t, "plan.yaml", OPTS_FORMAT_JSON);
    assert_int_equal(t.status, 78);
    v = json_parse(buf_str(&t.out), t.out.len, &err);
    assert_int_equal(json_array_size(json_pointer_get(v, "/errors")), 4);
    assert_int_equal(json_integer_value(json_pointer_get(v, "/errors/1/col")), 12);
    json_decref(v);
}

static void expect_error(const char *start)
{
    struct shown s SL_CLEANUP(shown_clear) = {0};

    run_check(&s, "plan.yaml", OPTS_FORMAT_TEXT);
    assert_int_equal(s.status, 78);
    if (strncmp(buf_str(&s.err), start, strlen(start)) != 0)
        fail_msg("met %s", buf_str(&s.err));
}

TEST(a_missing_or_broken_suite_is_a_fault_of_the_plan)
{
    put("plan.yaml", PLAN(WWW, "gone.yaml"));
    expect_error("sluice: plan.yaml:8:17: cannot open gone.yaml: No such file or directory\n  | smoke: {suites: gone.yaml}");
    put("plan.yaml", PLAN(WWW, "shop.smoke.yaml"));
    put("shop.smoke.yaml", "version: 1\nchekcs: []\n");
    expect_error("sluice: shop.smoke.yaml:2:1: unknown key 'chekcs'");
}

TEST(a_request_whose_host_no_record_covers_is_a_fault)
{
    put("plan.yaml", PLAN("[{name: files.example.com, type: A}]", "shop.smoke.yaml"));
    put("shop.smoke.yaml", SUITE);
    expect_error("sluice: shop.smoke.yaml:5:20: no record of the plan covers www.example.com");
}

TEST(a_bake_too_short_for_all_checks_is_a_fault_at_its_step)
{
    put("plan.yaml", "version: 1\ncutover: shop\nroute53: {zone: example.com}\n"
                     "sides: {old: {set: heroku}, new: {set: ec2}}\nrecords: " WWW
                     "\nsteps: [1, {percent: 100, bake: 20s}]\nbake: 1m\nsmoke: {suites: shop.smoke.yaml}\n");
    put("shop.smoke.yaml", SUITE "    every: 45s\n");
    expect_error("sluice: plan.yaml:6:22: this bake is too short to run every check once");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_good_plan_is_told_in_a_few_lines, enter, leave),
        cmocka_unit_test_setup_teardown(json_carries_the_same_for_programs, enter, leave),
        cmocka_unit_test_setup_teardown(every_fault_of_a_plan_is_told_at_once, enter, leave),
        cmocka_unit_test_setup_teardown(a_missing_or_broken_suite_is_a_fault_of_the_plan, enter, leave),
        cmocka_unit_test_setup_teardown(a_request_whose_host_no_record_covers_is_a_fault, enter, leave),
        cmocka_unit_test_setup_teardown(a_bake_too_short_for_all_checks_is_a_fault_at_its_step, enter, leave),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
