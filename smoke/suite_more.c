/* suite_more.c: compiles expectations that few steps have. */
#include <string.h>

#include "sluice/json.h"
#include "suite_file.h"

bool suite_build_text_tests(struct suite_builder *b, const struct doc_node *node,
                            const struct suite_predicate **out, size_t *out_n)
{
    struct file_tests tests = {0};

    if (!node)
        return true;
    if (!schema_decode(&tests, &file_text_tests_schema, node, &b->suite->mem, b->err))
        return false;
    tests.at = node;
    return suite_build_tests(b, &tests, false, out, out_n);
}

static bool build_names(struct suite_builder *b, const struct file_certificate *file,
                        struct suite_certificate *out)
{
    struct suite_text *names = arena_array(&b->suite->mem, file->names_n + 1, sizeof *names);

    for (size_t i = 0; i < file->names_n; i++) {
        names[i] = (struct suite_text){.at = file->at, .text = file->names[i]};
        if (!suite_build_text(b, &names[i]))
            return false;
    }
    out->names = names;
    out->names_n = file->names_n;
    return true;
}

bool suite_build_certificate(struct suite_builder *b, const struct file_certificate *file,
                             struct suite_expect *out)
{
    struct suite_certificate *c;

    if (!file)
        return true;
    c = arena_array(&b->suite->mem, 1, sizeof *c);
    *c = (struct suite_certificate){.at = file->at,
                                    .days_left = file->days_left,
                                    .days_left_at = file->days_left_at,
                                    .chain_days_left = file->chain_days_left,
                                    .chain_at = file->chain_at ? file->chain_at : file->chain,
                                    .self_signed = file->self_signed_at ? file->self_signed : -1};
    out->certificate = c;
    if (!build_names(b, file, c))
        return false;
    if (file->chain && !suite_build_range(b, file->chain, "chain", &c->chain_low, &c->chain_high))
        return false;
    return suite_build_text_tests(b, file->subject, &c->subject, &c->subject_n) &&
           suite_build_text_tests(b, file->issuer, &c->issuer, &c->issuer_n);
}

static bool build_cookie(struct suite_builder *b, const struct file_cookie *file,
                         struct suite_cookie *out)
{
    uint32_t low = 0, high = 0;

    *out = (struct suite_cookie){.name = file->name,
                                 .at = file->at,
                                 .absent = file->exists_at && !file->exists,
                                 .http_only = file->http_only_at ? file->http_only : -1,
                                 .secure = file->secure_at ? file->secure : -1,
                                 .same_site = (enum suite_same_site)file->same_site,
                                 .path = file->path,
                                 .domain = file->domain};
    if (file->max_age && !suite_build_range(b, file->max_age, "max_age", &low, &high))
        return false;
    out->age_low_s = low;
    out->age_high_s = high;
    return suite_build_text_tests(b, file->value, &out->value, &out->value_n);
}

static bool build_cookies(struct suite_builder *b, const struct file_expect *file,
                          struct suite_more *more)
{
    struct suite_cookie *list = arena_array(&b->suite->mem, file->cookies_n + 1, sizeof *list);

    for (size_t i = 0; i < file->cookies_n; i++)
        if (!build_cookie(b, &file->cookies[i], &list[i]))
            return false;
    more->cookies = list;
    more->cookies_n = file->cookies_n;
    return true;
}

static bool build_size(struct suite_builder *b, const struct file_expect *from,
                       struct suite_more *more)
{
    uint32_t low, high;

    if (!from->size)
        return true;
    if (!suite_build_range(b, from->size, "size", &low, &high))
        return false;
    more->size_low = low;
    more->size_high = high == UINT32_MAX ? UINT64_MAX : high;
    more->size_at = from->size;
    return true;
}

static bool build_sha256(struct suite_builder *b, const struct file_expect *from,
                         struct suite_more *more)
{
    if (from->sha256 && strspn(from->sha256, "0123456789abcdefABCDEF") != 64)
        return doc_fail(from->sha256_at, b->err, ERR_FILE, "'sha256' expects 64 hex digits");
    more->sha256 = from->sha256;
    more->sha256_at = from->sha256_at;
    return true;
}

static bool says_more(const struct file_expect *f)
{
    return f->cookies_at || f->redirect || f->size || f->sha256 || f->timing || f->tls_at;
}

bool suite_build_more(struct suite_builder *b, const struct file_expect *own,
                      const struct file_expect *preset, struct suite_expect *out)
{
    struct suite_more *more;
    const struct file_timing *timing = own->timing ? own->timing : preset->timing;
    const struct file_expect *tls = own->tls_at ? own : preset;

    if (!says_more(own) && !says_more(preset))
        return true;
    more = arena_array(&b->suite->mem, 1, sizeof *more);
    out->more = more;
    for (size_t i = 0; timing && i < SUITE_PHASE_COUNT; i++) {
        more->phases_ms[i] = timing->ms[i];
        more->phases_at[i] = timing->at[i];
    }
    if (tls->tls_at) {
        more->tls_least = 10 + tls->tls;
        more->tls_at = tls->tls_at;
    }
    return build_cookies(b, own->cookies_at ? own : preset, more) &&
           suite_build_text_tests(b, own->redirect ? own->redirect : preset->redirect,
                                  &more->redirect, &more->redirect_n) &&
           build_size(b, own->size ? own : preset, more) &&
           build_sha256(b, own->sha256 ? own : preset, more);
}
