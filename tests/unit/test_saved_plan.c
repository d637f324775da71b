/* test_saved_plan.c: what differs from a saved plan, by field; and files that are none. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "saved_plan.h"
#include "sluice/common.h"
#include "sluice/file.h"

static const char *const old_value[] = {"192.0.2.1"}, *const new_value[] = {"198.51.100.1"},
                         *const bad_value[] = {"203.0.113.9\x1b[31m"};

/* One record of two sets; each test changes a copy. */
struct scene {
    struct survey survey;
    struct survey_zone zone;
    struct survey_record records[2];
    struct rrset sets[3];
};

static void scene_init(struct scene *s)
{
    memset(s, 0, sizeof *s);
    s->zone = (struct survey_zone){.id = "Z1"};
    s->sets[0] = (struct rrset){.name = "www.example.com.",
                                .type = "A",
                                .set_id = "heroku",
                                .weighted = true,
                                .weight = 100,
                                .has_ttl = true,
                                .ttl = 60,
                                .values = old_value,
                                .n_values = 1};
    s->sets[1] = s->sets[0];
    s->sets[1].set_id = "ec2";
    s->sets[1].weight = 0;
    s->sets[1].values = new_value;
    s->records[0] = (struct survey_record){
        .name = "www.example.com.", .type = "A", .sets = s->sets, .n_sets = 2};
    s->records[1] = s->records[0];
    s->records[1].name = "files.example.com.";
    s->survey.zones = &s->zone;
    s->survey.n_zones = 1;
    s->survey.records = s->records;
    s->survey.n_records = 1;
}

/* The lines between two scenes. */
static void says(const struct scene *was, const struct scene *is, const char *want)
{
    json_t *a = saved_plan_records(&was->survey), *b = saved_plan_records(&is->survey);
    struct buf lines SL_CLEANUP(buf_clear) = {0};
    size_t n = saved_plan_compare(a, b, &lines), have = 0;

    for (const char *p = buf_str(&lines); *p; p++)
        have += *p == '\n';
    assert_int_equal(n, have);
    assert_string_equal(buf_str(&lines), want);
    json_decref(a);
    json_decref(b);
}

TEST(what_is_the_same_differs_in_nothing)
{
    struct scene a, b;

    scene_init(&a);
    scene_init(&b);
    says(&a, &b, "");
}

TEST(every_field_is_told_with_what_it_was_and_is)
{
    struct scene a, b;

    scene_init(&a);
    scene_init(&b);
    b.sets[1].weight = 5;
    says(&a, &b, "www.example.com A: set 'ec2': weight was 0, is 5\n");
    scene_init(&b);
    b.sets[0].ttl = b.sets[1].ttl = 300;
    says(&a, &b,
         "www.example.com A: set 'heroku': ttl was 60, is 300\n"
         "www.example.com A: set 'ec2': ttl was 60, is 300\n");
    scene_init(&b);
    b.sets[1].values = bad_value;
    says(&a, &b,
         "www.example.com A: set 'ec2': value was [\"198.51.100.1\"], is "
         "[\"203.0.113.9\\u001b[31m\"]\n");
    scene_init(&b);
    b.sets[0].health_check = "h-1";
    says(&a, &b, "www.example.com A: set 'heroku': health check was none, is \"h-1\"\n");
    scene_init(&b);
    b.sets[0].routing = "Region";
    says(&a, &b, "www.example.com A: set 'heroku': routing was none, is \"Region\"\n");
    scene_init(&b);
    b.sets[1].traffic_policy = "t-1";
    says(&a, &b, "www.example.com A: set 'ec2': traffic policy was none, is \"t-1\"\n");
    scene_init(&b);
    b.sets[1].alias_name = "lb.example.net.";
    b.sets[1].alias_zone = "Z9";
    says(&a, &b,
         "www.example.com A: set 'ec2': alias target was none, is "
         "{\"zone\":\"Z9\",\"name\":\"lb.example.net.\",\"health\":false}\n");
}

TEST(sets_and_records_that_came_or_went_are_told)
{
    struct scene a, b;

    scene_init(&a);
    scene_init(&b);
    b.sets[2] = b.sets[1];
    b.sets[2].set_id = "canary";
    b.records[0].n_sets = 3;
    says(&a, &b, "www.example.com A: set 'canary' was not there\n");
    says(&b, &a, "www.example.com A: set 'canary' is not there any more\n");
    scene_init(&b);
    b.survey.n_records = 2;
    says(&a, &b, "files.example.com A: the record was not there\n");
    says(&b, &a, "files.example.com A: the record is not there any more\n");
}

TEST(order_does_not_matter_and_lines_have_a_ceiling)
{
    static char names[30][32];
    static struct survey_record many[30];
    struct scene a, b;
    struct buf lines SL_CLEANUP(buf_clear) = {0};
    json_t *was, *is;

    scene_init(&a);
    scene_init(&b);
    a.survey.n_records = b.survey.n_records = 2;
    b.records[0] = a.records[1];
    b.records[1] = a.records[0];
    says(&a, &b, "");
    for (int i = 0; i < 30; i++) {
        snprintf(names[i], sizeof names[i], "n%d.example.com.", i);
        many[i] = a.records[0];
        many[i].name = names[i];
    }
    b.survey.records = many;
    b.survey.n_records = 30;
    a.survey.n_records = 0;
    was = saved_plan_records(&a.survey);
    is = saved_plan_records(&b.survey);
    assert_int_equal(saved_plan_compare(was, is, &lines), 30);
    assert_non_null(strstr(buf_str(&lines), "n19.example.com"));
    assert_null(strstr(buf_str(&lines), "n20.example.com"));
    json_decref(was);
    json_decref(is);
}

TEST(a_file_that_is_none_is_told_with_its_name)
{
    static const struct {
        const char *text, *words;
    } rows[] = {
        {"", "is no plan saved"},
        {"{", "is no plan saved"},
        {"version: 1\ncutover: shop\n", "is no plan saved"},
        {"[]", "does not say that it is one"},
        {"{\"cutover\": \"shop\"}", "does not say that it is one"},
        {"{\"sluice_plan\": 2}", "another version"},
        {"{\"sluice_plan\": 1}", "cut or edited"},
        {"{\"sluice_plan\": 1, \"plan\": \"/p\", \"records\": [], \"digest\": \"00\"}",
         "cut or edited"},
    };
    char path[] = "/tmp/saved-plan-XXXXXX";
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    close(fd);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err err = {0};
        json_t *doc = NULL;

        assert_true(file_write(path, rows[i].text, strlen(rows[i].text), &err));
        assert_false(saved_plan_load(path, &doc, &err));
        assert_int_equal(err.kind, ERR_FILE);
        if (!strstr(err.text, rows[i].words) || !strstr(err.text, path))
            fail_msg("row %zu: '%s'", i, err.text);
    }
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_the_same_differs_in_nothing),
        cmocka_unit_test(every_field_is_told_with_what_it_was_and_is),
        cmocka_unit_test(sets_and_records_that_came_or_went_are_told),
        cmocka_unit_test(order_does_not_matter_and_lines_have_a_ceiling),
        cmocka_unit_test(a_file_that_is_none_is_told_with_its_name),
    };

    return cmocka_run_group_tests_name("saved_plan", tests, NULL, NULL);
}
