#include "saved_plan.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "sluice/clock.h"
#include "sluice/crypto.h"
#include "sluice/file.h"
#include "sluice/json.h"
#include "sluice/text.h"

#define MARK      "sluice_plan" /* the member that says what the file is; its value is the version */
#define SHOWN_MAX 80            /* bytes of a value that is said */

/* ---- What the zones hold ---- */

static json_t *set_json(const struct rrset *set)
{
    json_t *o = json_pack("{s:s*}", "id", set->set_id), *values = json_array();

    if (set->weighted)
        json_object_set_new(o, "weight", json_integer(set->weight));
    if (set->has_ttl)
        json_object_set_new(o, "ttl", json_integer(set->ttl));
    for (size_t i = 0; i < set->n_values; i++)
        json_array_append_new(values, json_string(set->values[i]));
    json_object_set_new(o, "values", values);
    if (set->alias_name)
        json_object_set_new(o, "alias",
                            json_pack("{s:s*, s:s, s:b}", "zone", set->alias_zone, "name",
                                      set->alias_name, "health", set->alias_health));
    if (set->health_check)
        json_object_set_new(o, "health_check", json_string(set->health_check));
    if (set->routing)
        json_object_set_new(o, "routing", json_string(set->routing));
    if (set->traffic_policy)
        json_object_set_new(o, "traffic_policy", json_string(set->traffic_policy));
    return o;
}

json_t *saved_plan_records(const struct survey *s)
{
    json_t *list = json_array();

    for (size_t i = 0; i < s->n_records; i++) {
        const struct survey_record *r = &s->records[i];
        struct buf plain SL_CLEANUP(buf_clear) = {0}, name SL_CLEANUP(buf_clear) = {0};
        json_t *sets = json_array();

        survey_plain_name(r->name, &plain);
        text_add_safe(&name, buf_str(&plain), plain.len, 255);
        for (size_t k = 0; k < r->n_sets; k++)
            json_array_append_new(sets, set_json(&r->sets[k]));
        json_array_append_new(list,
                              json_pack("{s:s, s:s, s:s, s:o}", "zone", s->zones[r->zone].id,
                                        "name", buf_str(&name), "type", r->type, "sets", sets));
    }
    return list;
}

/* ---- Comparing ---- */

struct differences {
    struct buf *lines;
    size_t n;
};

SL_PRINTF(2, 3)
static void differs(struct differences *d, const char *fmt, ...)
{
    va_list ap;

    if (d->n++ >= SAVED_PLAN_LINES_MAX)
        return;
    va_start(ap, fmt);
    buf_vaddf(d->lines, fmt, ap);
    va_end(ap);
    buf_add_char(d->lines, '\n');
}

static const char *text_of(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));

    return s ? s : "";
}

static void add_value(struct buf *out, const json_t *value)
{
    if (value)
        json_add_shown(out, value, SHOWN_MAX);
    else
        buf_add_str(out, "none");
}

static void compare_sets(struct differences *d, const char *where, const json_t *was,
                         const json_t *is)
{
    static const struct {
        const char *key, *word;
    } fields[] = {
        {"weight", "weight"},
        {"ttl", "ttl"},
        {"values", "value"},
        {"alias", "alias target"},
        {"routing", "routing"},
        {"health_check", "health check"},
        {"traffic_policy", "traffic policy"},
    };

    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        const json_t *a = json_object_get(was, fields[i].key),
                     *b = json_object_get(is, fields[i].key);
        struct buf old SL_CLEANUP(buf_clear) = {0}, new SL_CLEANUP(buf_clear) = {0},
                       id SL_CLEANUP(buf_clear) = {0};

        if ((!a && !b) || (a && b && json_equal(a, b)))
            continue;
        add_value(&old, a);
        add_value(&new, b);
        text_add_safe(&id, text_of(was, "id"), strlen(text_of(was, "id")), SHOWN_MAX);
        differs(d, "%s: set '%s': %s was %s, is %s", where, buf_str(&id), fields[i].word,
                buf_str(&old), buf_str(&new));
    }
}

static const json_t *find_set(const json_t *sets, const char *id)
{
    const json_t *set;
    size_t i;

    json_array_foreach(sets, i, set)
    {
        if (strcmp(text_of(set, "id"), id) == 0)
            return set;
    }
    return NULL;
}

static void say_set(struct differences *d, const char *where, const json_t *set, const char *what)
{
    struct buf id SL_CLEANUP(buf_clear) = {0};

    text_add_safe(&id, text_of(set, "id"), strlen(text_of(set, "id")), SHOWN_MAX);
    differs(d, "%s: set '%s' %s", where, buf_str(&id), what);
}

static void compare_record(struct differences *d, const json_t *was, const json_t *is)
{
    struct buf where SL_CLEANUP(buf_clear) = {0};
    const json_t *set, *sets = json_object_get(is, "sets");
    size_t i;

    text_add_safe(&where, text_of(was, "name"), strlen(text_of(was, "name")), 255);
    buf_add_char(&where, ' ');
    text_add_safe(&where, text_of(was, "type"), strlen(text_of(was, "type")), 16);
    if (!is) {
        differs(d, "%s: the record is not there any more", buf_str(&where));
        return;
    }
    json_array_foreach(json_object_get(was, "sets"), i, set)
    {
        const json_t *now = find_set(sets, text_of(set, "id"));

        if (now)
            compare_sets(d, buf_str(&where), set, now);
        else
            say_set(d, buf_str(&where), set, "is not there any more");
    }
    json_array_foreach(sets, i, set)
    {
        if (!find_set(json_object_get(was, "sets"), text_of(set, "id")))
            say_set(d, buf_str(&where), set, "was not there");
    }
}

/* Zone, name and type on one line: the key by which records of two listings find each other. */
static void add_key(struct buf *out, const json_t *record)
{
    buf_reset(out);
    buf_addf(out, "%s %s %s", text_of(record, "zone"), text_of(record, "name"),
             text_of(record, "type"));
}

static json_t *by_key(const json_t *records)
{
    json_t *map = json_object(), *record;
    struct buf key SL_CLEANUP(buf_clear) = {0};
    size_t i;

    json_array_foreach(records, i, record)
    {
        add_key(&key, record);
        json_object_set(map, buf_str(&key), record);
    }
    return map;
}

size_t saved_plan_compare(const json_t *was, const json_t *is, struct buf *lines)
{
    struct differences d = {lines, 0};
    json_t *now = by_key(is), *before = by_key(was);
    struct buf key SL_CLEANUP(buf_clear) = {0};
    const json_t *record;
    size_t i;

    json_array_foreach(was, i, record)
    {
        add_key(&key, record);
        compare_record(&d, record, json_object_get(now, buf_str(&key)));
    }
    json_array_foreach(is, i, record)
    {
        add_key(&key, record);
        if (!json_object_get(before, buf_str(&key)))
            differs(&d, "%s %s: the record was not there", text_of(record, "name"),
                    text_of(record, "type"));
    }
    json_decref(now);
    json_decref(before);
    return d.n;
}

/* ---- The file ---- */

/* The hashes of the suites that are files of their own; an inline one is in the plan's. */
static bool suites_json(const struct plan *plan, json_t **out, struct err *err)
{
    json_t *list = json_array();

    for (uint32_t i = 0; i < plan->suites_n; i++) {
        struct buf text SL_CLEANUP(buf_clear) = {0};
        char hash[2 * CRYPTO_SHA256_BYTES + 1];

        if (!plan->suites[i].file)
            continue;
        if (!file_read(&text, plan->suites[i].file, DOC_BYTES_MAX, err)) {
            json_decref(list);
            return false;
        }
        crypto_sha256_hex(buf_str(&text), text.len, hash);
        json_array_append_new(
            list, json_pack("{s:s, s:s}", "file", plan->suites[i].file, "sha256", hash));
    }
    *out = list;
    return true;
}

/* Of everything but itself. */
static void add_digest(json_t *doc)
{
    char *text, hash[2 * CRYPTO_SHA256_BYTES + 1];

    json_object_del(doc, "digest");
    text = json_dumps(doc, JSON_COMPACT | JSON_SORT_KEYS);
    crypto_sha256_hex(text, strlen(text), hash);
    free(text);
    json_object_set_new(doc, "digest", json_string(hash));
}

static json_t *absolute(const char *path)
{
    char *real = realpath(path, NULL);
    json_t *out = json_string(real ? real : path);

    free(real);
    return out;
}

bool saved_plan_write(const struct walk *w, const json_t *doc, const char *path, struct err *err)
{
    struct buf time SL_CLEANUP(buf_clear) = {0};
    json_t *suites, *file;
    char *text;
    bool ok;

    if (!suites_json(&w->rig.plan, &suites, err))
        return false;
    text_format_time(&time, clock_wall_ms(&clock_real), false);
    file = json_pack("{s:i, s:s, s:s, s:s, s:o, s:s, s:o, s:o, s:O}", MARK, SAVED_PLAN_VERSION,
                     "sluice", PACKAGE_VERSION, "saved", buf_str(&time), "cutover",
                     w->rig.plan.cutover, "plan", absolute(w->rig.opts->args[0]), "plan_hash",
                     w->rig.plan_hash, "suites", suites, "records", saved_plan_records(&w->survey),
                     "seen", doc);
    add_digest(file);
    text = json_dumps(file, JSON_INDENT(1));
    ok = file_write(path, text, strlen(text), err);
    free(text);
    json_decref(file);
    return ok;
}

static bool foreign(json_t *doc, const char *path, const char *why, struct err *err)
{
    json_decref(doc);
    return err_set(err, ERR_FILE, "%s is no plan saved by `sluice plan -o`: %s", path, why);
}

bool saved_plan_load(const char *path, json_t **out, struct err *err)
{
    struct buf text SL_CLEANUP(buf_clear) = {.max = SAVED_PLAN_BYTES_MAX};
    struct err why = {0};
    json_t *doc, *digest;
    bool whole;

    if (!file_read(&text, path, SAVED_PLAN_BYTES_MAX, err))
        return false;
    doc = json_parse(buf_str(&text), text.len, &why);
    if (!doc)
        return foreign(NULL, path, why.text, err);
    if (!json_is_integer(json_object_get(doc, MARK)))
        return foreign(doc, path, "it does not say that it is one", err);
    if (json_integer_value(json_object_get(doc, MARK)) != SAVED_PLAN_VERSION)
        return foreign(doc, path, "it is of another version of sluice; plan again", err);
    digest = json_incref(json_object_get(doc, "digest"));
    add_digest(doc);
    whole = digest && json_equal(digest, json_object_get(doc, "digest"));
    json_decref(digest);
    if (!whole || !json_is_array(json_object_get(doc, "records")) || !*saved_plan_of(doc))
        return foreign(doc, path, "it was cut or edited since", err);
    *out = doc;
    return true;
}

const char *saved_plan_of(const json_t *saved)
{
    return text_of(saved, "plan");
}

/* Files that are not as they were, a line each. */
static bool compare_files(const struct walk *w, const json_t *saved, struct buf *lines, size_t *n,
                          struct err *err)
{
    const json_t *was = json_object_get(saved, "suites"), *one;
    json_t *is;
    size_t i;

    if (strcmp(text_of(saved, "plan_hash"), w->rig.plan_hash) != 0) {
        buf_addf(lines, "%s: the plan file was changed\n", w->rig.plan.path);
        ++*n;
    }
    if (!suites_json(&w->rig.plan, &is, err))
        return false;
    json_array_foreach(is, i, one)
    {
        const json_t *before = json_array_get(was, i);

        if (before && strcmp(text_of(before, "sha256"), text_of(one, "sha256")) == 0)
            continue;
        buf_addf(lines, "%s: the suite was changed\n", text_of(one, "file"));
        ++*n;
    }
    json_decref(is);
    return true;
}

/* Questions that nobody was asked when the plan was saved. */
static void compare_questions(const struct walk *w, const json_t *saved, struct buf *lines,
                              size_t *n)
{
    const json_t *was = json_object_get(json_object_get(saved, "seen"), "findings"), *one;

    for (size_t i = 0; i < w->survey.n_findings; i++) {
        const struct survey_finding *f = &w->survey.findings[i];
        bool known = f->level != SURVEY_REFUSE && f->level != SURVEY_ASK;
        size_t k;

        json_array_foreach(was, k, one)
        {
            known = known || (strcmp(text_of(one, "code"), f->id) == 0 &&
                              strcmp(text_of(one, "where"), f->where) == 0);
        }
        if (known)
            continue;
        buf_addf(lines, "%s: %s is new: %s\n", f->where, f->id, f->what);
        ++*n;
    }
}

bool saved_plan_check(const struct walk *w, const json_t *saved, struct buf *lines, struct err *err)
{
    json_t *is = saved_plan_records(&w->survey);
    size_t n = saved_plan_compare(json_object_get(saved, "records"), is, lines);
    bool ok;

    json_decref(is);
    compare_questions(w, saved, lines, &n);
    ok = compare_files(w, saved, lines, &n, err);
    if (ok && n)
        ok = err_set(err, ERR_REFUSED,
                     "%zu thing%s not as %s when the plan was saved (%s); look again with `sluice "
                     "plan`; nothing was changed",
                     n, n == 1 ? " is" : "s are", n == 1 ? "it was" : "they were",
                     text_of(saved, "saved"));
    return ok;
}
