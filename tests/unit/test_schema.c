/* schema: every type of a row, every refusal, presets, short forms, sinks, and the JSON Schema. */
#include "sluice/schema.h"

#include "sluice/json.h"
#include "test.h"

struct point {
    uint32_t x, y;
    const char *label;
    const struct doc_node *at;
};

struct pair {
    const char *key;
    const char *text;
};

struct everything {
    const char *text;
    bool flag;
    uint32_t small;
    int64_t large;
    double real;
    int64_t wait_ms;
    uint32_t part_ppm;
    uint32_t rate_milli;
    int64_t when_ms;
    int colour;
    const char *const *words;
    size_t words_n;
    const struct point *points;
    size_t points_n;
    struct point origin;
    const struct point *extra;
    const struct pair *pairs;
    size_t pairs_n;
    const struct schema_entry *entries;
    size_t entries_n;
    const struct doc_node *raw;
    uint32_t even;
    const struct doc_node *even_at;
};

static const char *const colours[] = {"red", "", "green", "blue", NULL};

static bool hook_even(struct schema_ctx *ctx, const struct schema_field *f, const struct doc_node *node,
                      void *out)
{
    static const struct schema_field number = {.key = "even", .type = SCHEMA_U32, .max = 100};

    if (!schema_decode_field(ctx, &number, node, out))
        return false;
    if (*(uint32_t *)out % 2)
        return doc_fail(node, ctx->err, ERR_FILE, "'%s' must be even", f->key);
    return true;
}

static bool check_point(struct schema_ctx *ctx, const struct doc_node *node, void *out)
{
    const struct point *p = out;

    if (p->x + p->y > 1000)
        return doc_fail(node, ctx->err, ERR_FILE, "x and y make more than 1000");
    return true;
}

static const struct schema_field point_fields[] = {
    {.key = "x", .type = SCHEMA_U32, SCHEMA_TO(struct point, x), .max = 900, .flags = SCHEMA_REQUIRED},
    {.key = "y", .type = SCHEMA_U32, SCHEMA_TO(struct point, y), .preset = "7", .help = "upwards"},
    {.key = "label", .type = SCHEMA_STRING, SCHEMA_TO(struct point, label), .max = 5,
     .flags = SCHEMA_ONE_LINE},
};
static const struct schema point_schema = {SCHEMA_TABLE("point", struct point, point_fields),
                                           SCHEMA_AT(struct point, at), .scalar_key = "x",
                                           .check = check_point, .help = "a place"};

static const struct schema_field pair_fields[] = {
    {.key = "text", .type = SCHEMA_STRING, SCHEMA_TO(struct pair, text), .flags = SCHEMA_EMPTY_OK},
};
static const struct schema pair_schema = {SCHEMA_TABLE("pair", struct pair, pair_fields),
                                          SCHEMA_KEY(struct pair, key), .scalar_key = "text"};

#define TO(m) SCHEMA_TO(struct everything, m)
#define N(m)  SCHEMA_COUNT(struct everything, m)

static const struct schema_field everything_fields[] = {
    {.key = "text", .type = SCHEMA_STRING, TO(text), .flags = SCHEMA_REQUIRED},
    {.key = "flag", .type = SCHEMA_BOOL, TO(flag)},
    {.key = "small", .type = SCHEMA_U32, TO(small), .min = 1, .max = 255, .preset = "3"},
    {.key = "large", .type = SCHEMA_I64, TO(large)},
    {.key = "real", .type = SCHEMA_DOUBLE, TO(real), .min = -1, .max = 1},
    {.key = "wait", .type = SCHEMA_DURATION, TO(wait_ms), .min = 1000, .max = 60000},
    {.key = "part", .type = SCHEMA_PERCENT, TO(part_ppm)},
    {.key = "rate", .type = SCHEMA_RATE, TO(rate_milli), .max = 5000},
    {.key = "when", .type = SCHEMA_TIME, TO(when_ms)},
    {.key = "colour", .type = SCHEMA_ENUM, TO(colour), .names = colours},
    {.key = "words", .type = SCHEMA_STRINGS, TO(words), N(words_n), .min = 1, .max = 3,
     .flags = SCHEMA_OR_ONE},
    {.key = "points", .type = SCHEMA_LIST, TO(points), N(points_n), .sub = &point_schema, .max = 4},
    {.key = "origin", .type = SCHEMA_MAP, TO(origin), .sub = &point_schema, .help = "the middle"},
    {.key = "extra", .type = SCHEMA_MAP_PTR, TO(extra), .sub = &point_schema},
    {.key = "pairs", .type = SCHEMA_FREE_MAP, TO(pairs), N(pairs_n), .sub = &pair_schema},
    {.key = "entries", .type = SCHEMA_FREE_MAP, TO(entries), N(entries_n)},
    {.key = "raw", .type = SCHEMA_NODE, TO(raw)},
    {.key = "even", .type = SCHEMA_CUSTOM, TO(even), SCHEMA_AT(struct everything, even_at),
     .hook = hook_even, .json = "{\"type\": \"integer\", \"multipleOf\": 2}"},
};
static const struct schema everything_schema = {
    SCHEMA_TABLE("everything", struct everything, everything_fields)};

static const struct doc_node *parse(struct arena *mem, const char *text)
{
    struct buf b SL_CLEANUP(buf_clear) = {0};
    struct err err = {0};
    const struct doc *doc;

    buf_add_str(&b, text);
    doc = doc_parse(mem, "x.yaml", &b, &err);
    if (!doc)
        fail_msg("%s", err.text);
    return doc_root(doc);
}

static bool decode(struct arena *mem, const char *text, struct everything *out, struct err *err)
{
    memset(out, 0, sizeof *out);
    return schema_decode(out, &everything_schema, parse(mem, text), mem, err);
}

TEST(every_type_lands_in_its_member)
{
    struct arena mem SL_CLEANUP(arena_clear) = {0};
    struct everything e;
    struct err err = {0};

    assert_true(decode(&mem,
                       "text: no\nflag: true\nsmall: 255\nlarge: -9000000000\nreal: -0.5\nwait: 1m\n"
                       "part: 0.5%\nrate: 2.5/s\nwhen: 1970-01-01T01:00:01+01:00\ncolour: green\n"
                       "words: [a, 'b c']\npoints: [5, {x: 1, y: 2, label: p}]\norigin: {x: 9}\n"
                       "extra: {x: 3}\npairs: {k1: v1, k2: {text: ''}}\nentries: {z: [1], y: 2}\n"
                       "raw: [x]\neven: 4\n",
                       &e, &err));
    assert_string_equal(e.text, "no");
    assert_true(e.flag);
    assert_int_equal(e.small, 255);
    assert_true(e.large == -9000000000);
    assert_true(e.real == -0.5);
    assert_int_equal(e.wait_ms, 60000);
    assert_int_equal(e.part_ppm, 5000);
    assert_int_equal(e.rate_milli, 2500);
    assert_int_equal(e.when_ms, 1000);
    assert_int_equal(e.colour, 2);
    assert_int_equal(e.words_n, 2);
    assert_string_equal(e.words[1], "b c");
    assert_int_equal(e.points_n, 2);
    assert_int_equal(e.points[0].x, 5);
    assert_int_equal(e.points[0].y, 7);
    assert_string_equal(e.points[1].label, "p");
    assert_int_equal(e.points[1].at->pos.col, 13);
    assert_int_equal(e.origin.x, 9);
    assert_int_equal(e.extra->x, 3);
    assert_int_equal(e.pairs_n, 2);
    assert_string_equal(e.pairs[0].key, "k1");
    assert_string_equal(e.pairs[0].text, "v1");
    assert_string_equal(e.pairs[1].text, "");
    assert_int_equal(e.entries_n, 2);
    assert_string_equal(e.entries[1].key->text, "y");
    assert_int_equal(e.raw->kind, DOC_LIST);
    assert_int_equal(e.even, 4);
    assert_non_null(e.even_at);
}

TEST(absent_keys_take_their_presets_also_inside_absent_maps)
{
    struct arena mem SL_CLEANUP(arena_clear) = {0};
    struct everything e;
    struct err err = {0};

    assert_true(decode(&mem, "text: x\nwords: one\n", &e, &err));
    assert_int_equal(e.small, 3);
    assert_int_equal(e.origin.x, 0);
    assert_int_equal(e.origin.y, 7);
    assert_null(e.extra);
    assert_null(e.even_at);
    assert_int_equal(e.words_n, 1);
    assert_string_equal(e.words[0], "one");
}

/* The text after the place, for one key beside the required one. */
static const struct {
    const char *yaml, *error;
} refusals[] = {
    {"text:", "1:6: 'text' has no value; expected a text"},
    {"text: ''", "1:7: 'text' must not be empty"},
    {"text: [a]", "1:7: 'text' expects a text, not a list"},
    {"flag: true", "1:1: everything needs the key 'text'"},
    {"[a]", "1:1: expected a map (everything) here, not a list"},
    {"just text", "1:1: expected a map (everything) here, not a text"},
    {"{text: x, flag: yes}", "1:17: 'flag' expects true or false, not the text 'yes'"},
    {"{text: x, flag: 'true'}", "1:17: 'flag' expects true or false, not a text in quotes"},
    {"{text: x, flag: {}}", "1:17: 'flag' expects true or false, not a map"},
    {"{text: x, small: 256}", "1:18: 'small': 256 is above 255"},
    {"{text: x, small: 0}", "1:18: 'small': 0 is below 1"},
    {"{text: x, small: 1.5}", "1:18: 'small': '1.5' is not a whole number"},
    {"{text: x, small: \"5\"}", "1:18: 'small' expects a whole number, not a text in quotes"},
    {"{text: x, small: 010}", "1:18: 'small': '010' is not a whole number"},
    {"{text: x, large: x}", "1:18: 'large': 'x' is not a whole number"},
    {"{text: x, real: 2}", "1:17: 'real': 2 is out of range (-1 to 1)"},
    {"{text: x, real: nan}", "1:17: 'real': 'nan' is not a number"},
    {"{text: x, wait: 5}", "1:17: 'wait': '5' needs a unit: ms, s, m, h or d"},
    {"{text: x, wait: 2m}", "1:17: 'wait': 2m is out of range (1s to 1m)"},
    {"{text: x, wait: [1s]}", "1:17: 'wait' expects a duration such as 30s or 5m, not a list"},
    {"{text: x, part: 5}", "1:17: 'part': '5' is not a percentage such as 1% or 0.5%"},
    {"{text: x, part: 101%}", "1:17: 'part': 101% is out of range (0% to 100%)"},
    {"{text: x, rate: 6/s}", "1:17: 'rate': 6/s is out of range (0.001/s to 5/s)"},
    {"{text: x, rate: 6}", "1:17: 'rate': '6' is not a rate such as 5/s or 30/m"},
    {"{text: x, colour: gren}", "1:19: 'colour' cannot be 'gren'; did you mean 'green'?"},
    {"{text: x, colour: 7}", "1:19: 'colour' cannot be '7'; expected one of: red, green, blue"},
    {"{text: x, colour: ''}", "1:19: 'colour' cannot be ''; expected one of: red, green, blue"},
    {"{text: x, words: []}", "1:18: 'words' must not be empty"},
    {"{text: x, words: [a, b, c, d]}", "1:18: 'words' has 4 items, at most 3 are allowed"},
    {"{text: x, words: [a, [b]]}", "1:22: 'words' expects a text, not a list"},
    {"{text: x, points: 5}", "1:19: 'points' expects a list, not the text '5'"},
    {"{text: x, points: [1, 2, 3, 4, 5]}", "1:19: 'points' has 5 items, at most 4 are allowed"},
    {"{text: x, points: [1, {y: 2}]}", "1:23: point needs the key 'x'"},
    {"{text: x, points: [{x: 1, z: 2}]}", "1:27: unknown key 'z' in point; did you mean 'x'?"},
    {"{text: x, points: [{x: 1, height: 2}]}", "1:27: unknown key 'height' in point; known: x, y, label"},
    {"{text: x, points: [901]}", "1:20: 'x': 901 is above 900"},
    {"{text: x, origin: {x: 900, y: 900}}", "1:19: x and y make more than 1000"},
    {"{text: x, origin: {x: 1, label: toolong}}", "1:33: 'label' is longer than 5 bytes"},
    {"{text: x, origin: {x: 1, label: \"a\\nb\"}}",
     "1:33: 'label' must be one line without control characters"},
    {"{text: x, origin: }", "1:19: expected a map (point) here, not nothing"},
    {"{text: x, pairs: [a]}", "1:18: 'pairs' expects a map, not a list"},
    {"{text: x, even: 3}", "1:17: 'even' must be even"},
    {"{text: x, even: 102}", "1:17: 'even': 102 is above 100"},
    {"{text: x, colur: red}", "1:11: unknown key 'colur' in everything; did you mean 'colour'?"},
    {"{text: x, completely-else: 1}", "1:11: unknown key 'completely-else' in everything; known: text, flag, small, large, real, wait, part, "
     "rate, when, colour, words, points, origin, extra, pairs, entries, raw, even"},
    {"{text: x, colour: GREEN}", "1:19: 'colour' cannot be 'GREEN'; did you mean 'green'?"},
};

TEST(refusals_say_what_was_met_and_expected_and_where)
{
    for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
        struct arena mem SL_CLEANUP(arena_clear) = {0};
        struct buf got SL_CLEANUP(buf_clear) = {0};
        struct everything e;
        struct err err = {0};

        if (decode(&mem, refusals[i].yaml, &e, &err))
            fail_msg("accepted: %s", refusals[i].yaml);
        assert_int_equal(err.kind, ERR_FILE);
        assert_true(err.snippet[0]);
        buf_addf(&got, "%u:%u: %s", err.line, err.col, err.text);
        assert_string_equal(buf_str(&got), refusals[i].error);
    }
}

TEST(a_time_without_an_offset_is_refused)
{
    struct arena mem SL_CLEANUP(arena_clear) = {0};
    struct everything e;
    struct err err = {0};

    assert_false(decode(&mem, "{text: x, when: 2027-02-03T02:00:00}", &e, &err));
    assert_int_equal(err.col, 17);
}

static void collect(void *self, const struct err *err)
{
    buf_addf(self, "%u: %s\n", err->line, err->text);
}

TEST(a_sink_gets_every_error_once_in_the_files_order)
{
    struct arena mem SL_CLEANUP(arena_clear) = {0};
    struct buf got SL_CLEANUP(buf_clear) = {0};
    struct schema_sink sink = {.add = collect, .self = &got};
    struct everything e = {0};
    struct err err = {0};

    assert_false(schema_decode_all(&e, &everything_schema,
                                   parse(&mem, "flag: 7\nsmal: 1\npoints:\n  - {x: 9000, q: 1}\n"
                                               "  - {y: 1}\neven: 5\nlarge: 7\n"),
                                   &mem, NULL, &sink, &err));
    assert_string_equal(buf_str(&got), "1: 'flag' expects true or false, not the text '7'\n"
                                       "2: unknown key 'smal' in everything; did you mean 'small'?\n"
                                       "4: 'x': 9000 is above 900\n"
                                       "4: unknown key 'q' in point; did you mean 'x'?\n"
                                       "5: point needs the key 'x'\n"
                                       "6: 'even' must be even\n"
                                       "1: everything needs the key 'text'\n");
    assert_int_equal(sink.n, 7);
    assert_string_equal(err.text, "'flag' expects true or false, not the text '7'");
    assert_int_equal(e.large, 7);
}

TEST(a_flood_of_errors_ends_at_the_ceiling)
{
    struct arena mem SL_CLEANUP(arena_clear) = {0};
    struct buf text SL_CLEANUP(buf_clear) = {0}, got SL_CLEANUP(buf_clear) = {0};
    struct schema_sink sink = {.add = collect, .self = &got};
    struct everything e = {0};
    struct err err = {0};

    for (int i = 0; i < 3 * SCHEMA_ERRORS_MAX; i++)
        buf_addf(&text, "unknown-%d: 1\n", i);
    assert_false(schema_decode_all(&e, &everything_schema, parse(&mem, buf_str(&text)), &mem, NULL,
                                   &sink, &err));
    assert_int_equal(sink.n, SCHEMA_ERRORS_MAX);
}

static void expect_at(const json_t *schema, const char *pointer, const char *value)
{
    struct buf got SL_CLEANUP(buf_clear) = {0};
    const json_t *at = json_pointer_get(schema, pointer);

    if (!at)
        fail_msg("nothing at %s", pointer);
    json_add_compact(&got, at);
    assert_string_equal(buf_str(&got), value);
}

TEST(the_tables_print_themselves_as_json_schema)
{
    json_auto_t *s = schema_to_json(&everything_schema, "everything there is");

    expect_at(s, "/$schema", "\"http://json-schema.org/draft-07/schema#\"");
    expect_at(s, "/title", "\"everything there is\"");
    expect_at(s, "/additionalProperties", "false");
    expect_at(s, "/required", "[\"text\"]");
    expect_at(s, "/properties/flag", "{\"type\":\"boolean\"}");
    expect_at(s, "/properties/small",
              "{\"type\":\"integer\",\"minimum\":1,\"maximum\":255,\"default\":3}");
    expect_at(s, "/properties/colour", "{\"enum\":[\"red\",\"green\",\"blue\"]}");
    expect_at(s, "/properties/origin",
              "{\"allOf\":[{\"$ref\":\"#/definitions/point\"}],\"description\":\"the middle\"}");
    expect_at(s, "/properties/points",
              "{\"type\":\"array\",\"items\":{\"$ref\":\"#/definitions/point\"},\"maxItems\":4}");
    expect_at(s, "/properties/even", "{\"type\":\"integer\",\"multipleOf\":2}");
    expect_at(s, "/definitions/point/anyOf/0/required", "[\"x\"]");
    expect_at(s, "/definitions/point/anyOf/0/properties/y/description", "\"upwards\"");
    expect_at(s, "/definitions/point/anyOf/1", "{\"type\":\"integer\",\"minimum\":0,\"maximum\":900}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_lands_in_its_member),
        cmocka_unit_test(absent_keys_take_their_presets_also_inside_absent_maps),
        cmocka_unit_test(refusals_say_what_was_met_and_expected_and_where),
        cmocka_unit_test(a_time_without_an_offset_is_refused),
        cmocka_unit_test(a_sink_gets_every_error_once_in_the_files_order),
        cmocka_unit_test(a_flood_of_errors_ends_at_the_ceiling),
        cmocka_unit_test(the_tables_print_themselves_as_json_schema),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
