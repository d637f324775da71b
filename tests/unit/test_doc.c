/* doc: what is read, what is refused, and where. */
#include "sluice/doc.h"

#include "cases.h"

static const struct doc *parse(struct arena *mem, const char *text, struct err *err)
{
    struct buf b SL_CLEANUP(buf_clear) = {0};

    buf_add_str(&b, text);
    return doc_parse(mem, "x.yaml", &b, err);
}

static const struct doc_node *parse_good(struct arena *mem, const char *text)
{
    struct err err = {0};
    const struct doc *doc = parse(mem, text, &err);

    if (!doc)
        fail_msg("%s", err.text);
    return doc_root(doc);
}

static bool load_fails(const char *path, struct err *err)
{
    struct arena mem SL_CLEANUP(arena_clear) = {0};

    return doc_load(&mem, path, err) != NULL;
}

TEST(bad_files_are_refused_with_place_line_and_caret)
{
    assert_true(cases_run("yaml", load_fails) >= 40);
}

TEST(maps_lists_and_scalars_keep_order_text_and_place)
{
    struct arena mem SL_CLEANUP(arena_clear) = {0};
    const struct doc_node *root = parse_good(&mem, "b: 1\na:\n  - x\n  - 'y'\nc: {d: \"\"}\n");
    const struct doc_node *list = doc_get(root, "a");

    assert_int_equal(root->kind, DOC_MAP);
    assert_int_equal(root->n, 3);
    assert_string_equal(root->pairs[0].key->text, "b");
    assert_string_equal(root->pairs[1].key->text, "a");
    assert_int_equal(list->kind, DOC_LIST);
    assert_int_equal(list->n, 2);
    assert_false(list->items[0]->quoted);
    assert_true(list->items[1]->quoted);
    assert_string_equal(list->items[1]->text, "y");
    assert_int_equal(list->items[1]->pos.line, 4);
    assert_int_equal(list->items[1]->pos.col, 5);
    assert_string_equal(list->items[1]->pos.file, "x.yaml");
    assert_true(doc_get(doc_get(root, "c"), "d")->quoted);
    assert_null(doc_get(root, "nope"));
    assert_null(doc_get(list, "a"));
}

TEST(a_key_without_a_value_is_empty_and_a_quoted_nothing_is_not)
{
    struct arena mem SL_CLEANUP(arena_clear) = {0};
    const struct doc_node *root = parse_good(&mem, "a:\nb: ''\nc: ~\n");

    assert_true(doc_is_empty(doc_get(root, "a")));
    assert_string_equal(doc_kind_name(doc_get(root, "a")), "nothing");
    assert_false(doc_is_empty(doc_get(root, "b")));
    assert_string_equal(doc_get(root, "c")->text, "~");
}

TEST(block_texts_are_quoted_and_keep_their_lines)
{
    struct arena mem SL_CLEANUP(arena_clear) = {0};
    const struct doc_node *root = parse_good(&mem, "a: |\n  1\n  2\nb: >-\n  x\n  y\n");

    assert_string_equal(doc_get(root, "a")->text, "1\n2\n");
    assert_true(doc_get(root, "a")->quoted);
    assert_string_equal(doc_get(root, "b")->text, "x y");
}

TEST(columns_count_characters)
{
    struct arena mem SL_CLEANUP(arena_clear) = {0};
    const struct doc_node *root = parse_good(&mem, "{\xc5\xbe\xc3\xa9: a, b: c}\n");

    assert_int_equal(doc_get(root, "b")->pos.col, 12);
}

TEST(a_first_byte_order_mark_and_crlf_are_fine)
{
    struct arena mem SL_CLEANUP(arena_clear) = {0};
    const struct doc_node *root = parse_good(&mem, "\xef\xbb\xbf" "a: 1\r\nb: 2\r\n");

    assert_string_equal(doc_get(root, "b")->text, "2");
    assert_int_equal(doc_get(root, "b")->pos.line, 2);
}

TEST(the_deepest_allowed_document_is_read)
{
    struct arena mem SL_CLEANUP(arena_clear) = {0};
    struct buf b SL_CLEANUP(buf_clear) = {0};
    const struct doc_node *node;
    int depth = 1;

    for (int i = 0; i < DOC_DEPTH_MAX; i++)
        buf_add_char(&b, '[');
    for (int i = 0; i < DOC_DEPTH_MAX; i++)
        buf_add_char(&b, ']');
    for (node = parse_good(&mem, buf_str(&b)); node->n; node = node->items[0])
        depth++;
    assert_int_equal(depth, DOC_DEPTH_MAX);
}

TEST(a_file_of_256_kib_is_read_and_one_byte_more_is_refused)
{
    struct arena mem SL_CLEANUP(arena_clear) = {0};
    struct buf b SL_CLEANUP(buf_clear) = {0};
    struct err err = {0};

    buf_add_str(&b, "a: ");
    while (b.len < DOC_BYTES_MAX)
        buf_add_char(&b, 'x');
    assert_non_null(doc_parse(&mem, "big.yaml", &b, &err));
    buf_add_char(&b, 'x');
    assert_null(doc_parse(&mem, "big.yaml", &b, &err));
    assert_int_equal(err.kind, ERR_FILE);
    assert_string_equal(err.text, "the file is larger than 1024 KiB");
    assert_string_equal(err.file, "big.yaml");
}

TEST(a_map_takes_4096_keys_and_not_one_more)
{
    struct arena mem SL_CLEANUP(arena_clear) = {0};
    struct buf b SL_CLEANUP(buf_clear) = {0};
    struct err err = {0};

    for (int i = 0; i < DOC_KEYS_MAX; i++)
        buf_addf(&b, "k%d: 1\n", i);
    assert_int_equal(parse_good(&mem, buf_str(&b))->n, DOC_KEYS_MAX);
    buf_add_str(&b, "one-more: 1\n");
    assert_null(doc_parse(&mem, "x.yaml", &b, &err));
    assert_string_equal(err.text, "a map has more than 4096 keys");
}

TEST(a_later_error_on_a_node_shows_its_line)
{
    struct arena mem SL_CLEANUP(arena_clear) = {0};
    const struct doc_node *root = parse_good(&mem, "a: 1\nsteps: [1, 300]\n");
    struct buf b SL_CLEANUP(buf_clear) = {0};
    struct err err = {0};

    assert_false(doc_fail(doc_get(root, "steps")->items[1], &err, ERR_FILE, "%d is above 100", 300));
    doc_fail(root, &err, ERR_BUG, "a second failure changes nothing");
    err_format(&err, "sluice", &b);
    assert_string_equal(buf_str(&b), "sluice: x.yaml:2:12: 300 is above 100\n"
                                     "  | steps: [1, 300]\n"
                                     "  |            ^\n");
}

TEST(a_missing_file_says_its_name)
{
    struct arena mem SL_CLEANUP(arena_clear) = {0};
    struct err err = {0};

    assert_null(doc_load(&mem, "/nonexistent/plan.yaml", &err));
    assert_int_equal(err.kind, ERR_FILE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_files_are_refused_with_place_line_and_caret),
        cmocka_unit_test(maps_lists_and_scalars_keep_order_text_and_place),
        cmocka_unit_test(a_key_without_a_value_is_empty_and_a_quoted_nothing_is_not),
        cmocka_unit_test(block_texts_are_quoted_and_keep_their_lines),
        cmocka_unit_test(columns_count_characters),
        cmocka_unit_test(a_first_byte_order_mark_and_crlf_are_fine),
        cmocka_unit_test(the_deepest_allowed_document_is_read),
        cmocka_unit_test(a_file_of_256_kib_is_read_and_one_byte_more_is_refused),
        cmocka_unit_test(a_map_takes_4096_keys_and_not_one_more),
        cmocka_unit_test(a_later_error_on_a_node_shows_its_line),
        cmocka_unit_test(a_missing_file_says_its_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
