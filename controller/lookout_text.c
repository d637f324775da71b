/* Tables and lines out of a lookout's reports. */
#include <string.h>

#include "lookout.h"
#include "sluice/text.h"

#define WORDS_MAX 300

static const char *text_of(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));

    return s ? s : "";
}

static long long whole(const json_t *o, const char *key)
{
    return (long long)json_integer_value(json_object_get(o, key));
}

static double number(const json_t *o, const char *key)
{
    return json_number_value(json_object_get(o, key));
}

static bool is(const json_t *o, const char *key, const char *word)
{
    return strcmp(text_of(o, key), word) == 0;
}

static bool has(const json_t *o, const char *key)
{
    return json_object_get(o, key) != NULL;
}

static void add_safe(struct buf *out, const char *s)
{
    text_add_safe(out, s, strlen(s), WORDS_MAX);
}

/* ---- Words ---------------------------------------------------------------------------------------- */

/* "agrees", "stale: ...": what a server's answers amount to. */
static void add_state(struct buf *out, const json_t *record, const json_t *server)
{
    static const struct {
        const char *state, *words;
    } rows[] = {
        {"agrees", "agrees"},
        {"not_asked", "not asked yet"},
        {"silent", "does not answer"},
        {"lame", "refuses, fails or is no authority"},
        {"empty", "has no such record"},
        {"foreign", "values of none of its sets"},
        {"ttl", "another TTL than written"},
        {"opposing", "a side that has no weight"},
        {"share", "its share does not fit the weights"},
    };
    const char *words = "does not agree";

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (is(server, "state", rows[i].state))
            words = rows[i].words;
    if (json_is_true(json_object_get(server, "stale"))) {
        buf_addf(out, "STALE: %s, as before", words);
        if (is(server, "state", "share"))
            buf_addf(out, " (%.3g %%)", number(record, "before_percent"));
        buf_addf(out, "; the change was seen %lld s ago", whole(record, "changed_s"));
    } else {
        add_safe(out, words);
    }
    if (json_is_true(json_object_get(server, "warning")))
        buf_add_str(out, " (it has health checks: a warning)");
}

static void add_share(struct buf *out, const json_t *o)
{
    if (has(o, "percent"))
        buf_addf(out, "%.1f %% (%.1f-%.1f)", number(o, "percent"), number(o, "low"), number(o, "high"));
}

static void add_resolver(struct buf *out, const json_t *r)
{
    if (is(r, "state", "answered")) {
        const char *side = text_of(r, "side");

        if (strcmp(side, "empty") == 0)
            buf_add_str(out, "no such record");
        else
            buf_addf(out, "%s, %lld s left", strcmp(side, "foreign") == 0 ? "values of none of its sets" : side,
                     whole(r, "left_s"));
        if (json_is_true(json_object_get(r, "above_ttl")))
            buf_addf(out, "; hands out %lld s where the record says %lld: it has a floor%s", whole(r, "ttl"),
                     whole(r, "record_ttl"),
                     whole(r, "ttl") == RESOLVERS_STALE_TTL ? ", or serves stale (RFC 8767: 30 s)" : "");
        if (json_is_true(json_object_get(r, "says_stale")))
            buf_add_str(out, "; says itself that this is stale (RFC 8767)");
        else if (json_is_true(json_object_get(r, "overdue")))
            buf_add_str(out, "; long after its TTL: it serves stale (RFC 8767) or holds answers longer than told");
    } else {
        buf_add_str(out, is(r, "state", "silent")   ? "does not answer"
                         : is(r, "state", "failed") ? "refuses or fails"
                                                    : "not asked yet");
    }
}

/* "last known cache to let go of old: in 43 s". */
static void add_longest(struct buf *out, const json_t *record)
{
    const json_t *left = json_object_get(record, "left_s");
    double share = number(record, "written_percent");
    long long old = whole(left, "old"), new = whole(left, "new");
    const char *leaving = share >= 100 ? "old" : share <= 0 ? "new" : NULL;
    long long longest = !leaving ? (old > new ? old : new) : share >= 100 ? old : new;

    if (leaving && !longest)
        buf_addf(out, "no cache asked holds %s", leaving);
    else if (leaving)
        buf_addf(out, "last known cache to let go of %s: in %lld s", leaving, longest);
    else
        buf_addf(out, "last known cache to let go of what it holds: in %lld s", longest);
}

void lookout_resolver_lines(const json_t *record, const char *indent, struct buf *out)
{
    const json_t *list = json_object_get(record, "resolvers"), *r;
    size_t i;

    json_array_foreach(list, i, r)
    {
        buf_addf(out, "%sresolver ", indent);
        add_safe(out, text_of(r, "resolver"));
        buf_add_str(out, ": ");
        add_resolver(out, r);
        buf_add_char(out, '\n');
    }
    if (!list)
        return;
    buf_add_str(out, indent);
    add_longest(out, record);
    if (has(record, "asked")) {
        buf_add_str(out, "; asked as ");
        add_safe(out, text_of(record, "asked"));
        buf_add_str(out, ", which nobody else asks for");
    }
    buf_add_char(out, '\n');
}

/* ---- Lines ---------------------------------------------------------------------------------------- */

static bool record_agrees(const json_t *record)
{
    const json_t *servers = json_object_get(record, "servers"), *s;
    size_t i;

    json_array_foreach(servers, i, s)
        if (!is(s, "state", "agrees") && !is(s, "state", "not_asked") && !is(s, "state", "silent") && !has(s, "warning"))
            return false;
    return !json_is_true(json_object_get(record, "no_answer"));
}

void lookout_lines(const json_t *report, bool quiet, struct buf *out)
{
    const json_t *records = json_object_get(report, "records"), *r, *s;
    size_t i, k;

    json_array_foreach(records, i, r)
    {
        const json_t *servers = json_object_get(r, "servers");
        const json_t *resolvers = json_object_get(r, "resolvers");

        if (quiet && record_agrees(r))
            continue;
        buf_addf(out, "%s ", text_of(report, "time"));
        add_safe(out, text_of(r, "name"));
        buf_addf(out, " %s: new %.3g %% written, answered ", text_of(r, "type"), number(r, "written_percent"));
        if (has(r, "percent"))
            add_share(out, r);
        else
            buf_add_str(out, "by neither side");
        json_array_foreach(servers, k, s)
        {
            if (is(s, "state", "agrees"))
                continue;
            buf_add_str(out, "; ");
            add_safe(out, text_of(s, "server"));
            buf_add_str(out, " ");
            add_state(out, r, s);
        }
        json_array_foreach(resolvers, k, s)
        {
            buf_add_str(out, "; resolver ");
            add_safe(out, text_of(s, "resolver"));
            buf_add_str(out, " ");
            add_resolver(out, s);
        }
        if (resolvers) {
            buf_add_str(out, "; ");
            add_longest(out, r);
        }
        buf_add_char(out, '\n');
    }
}

/* ---- The table ------------------------------------------------------------------------------------ */

struct table {
    struct buf *out;
    size_t columns, lines;
    size_t name, what, share; /* widths; 0: there is no room for that column */
    bool all;                 /* also servers that agree */
};

/* One cell: cut or filled to width code points. Everything in it is safe already. */
static void pad(struct buf *out, const char *s, size_t width)
{
    size_t at = 0, n = 0;

    for (; s[at] && n < width; n++) {
        at++;
        while (((unsigned char)s[at] & 0xc0) == 0x80)
            at++;
    }
    buf_add(out, s, at);
    if (s[at] && width > 1 && ((unsigned char)out->data[out->len - 1] & 0x80) == 0)
        out->data[out->len - 1] = '~';
    for (; n < width; n++)
        buf_add_char(out, ' ');
}

static void end_line(struct table *t)
{
    while (t->out->len && t->out->data[t->out->len - 1] == ' ')
        buf_cut(t->out, t->out->len - 1);
    buf_add_char(t->out, '\n');
    t->lines++;
}

/* Without values and a share the words have their room too. */
static void row(struct table *t, const char *name, const char *what, const char *share, const char *words)
{
    struct buf line SL_CLEANUP(buf_clear) = {0};

    pad(&line, name, t->name);
    buf_add_str(&line, "  ");
    if (t->what && (*what || *share)) {
        pad(&line, what, t->what);
        buf_add_str(&line, "  ");
    }
    if (t->share && (*what || *share)) {
        pad(&line, share, t->share);
        buf_add_str(&line, "  ");
    }
    buf_add_str(&line, words);
    pad(t->out, buf_str(&line), t->columns);
    end_line(t);
}

static void add_what(struct buf *out, const json_t *o)
{
    if (!has(o, "side"))
        return;
    buf_addf(out, "%s ", text_of(o, "side"));
    add_safe(out, text_of(o, "values"));
    if (has(o, "server"))
        buf_addf(out, " ttl %lld", whole(o, "ttl"));
}

static void record_rows(struct table *t, const json_t *record)
{
    const json_t *list = json_object_get(record, "servers"), *o;
    struct buf name SL_CLEANUP(buf_clear) = {0}, share SL_CLEANUP(buf_clear) = {0},
               words SL_CLEANUP(buf_clear) = {0};
    size_t i, agree = 0;

    json_array_foreach(list, i, o) agree += is(o, "state", "agrees");
    add_safe(&name, text_of(record, "name"));
    buf_addf(&name, " %s", text_of(record, "type"));
    add_share(&share, record);
    buf_addf(&words, "written %.3g %%; %zu of %zu servers agree", number(record, "written_percent"), agree,
             json_array_size(list));
    row(t, buf_str(&name), "", buf_str(&share), buf_str(&words));
    json_array_foreach(list, i, o)
    {
        struct buf who SL_CLEANUP(buf_clear) = {0}, what SL_CLEANUP(buf_clear) = {0},
                   one SL_CLEANUP(buf_clear) = {0}, says SL_CLEANUP(buf_clear) = {0};

        if (!t->all && is(o, "state", "agrees"))
            continue;
        buf_add_str(&who, "  ");
        add_safe(&who, text_of(o, "server"));
        add_what(&what, o);
        add_share(&one, o);
        add_state(&says, record, o);
        row(t, buf_str(&who), buf_str(&what), buf_str(&one), buf_str(&says));
    }
    list = json_object_get(record, "resolvers");
    json_array_foreach(list, i, o)
    {
        struct buf who SL_CLEANUP(buf_clear) = {0}, what SL_CLEANUP(buf_clear) = {0},
                   says SL_CLEANUP(buf_clear) = {0};

        buf_add_str(&who, "  cache ");
        add_safe(&who, text_of(o, "resolver"));
        add_what(&what, o);
        add_resolver(&says, o);
        row(t, buf_str(&who), t->what ? buf_str(&what) : "", "", buf_str(&says));
    }
    if (list) {
        struct buf says SL_CLEANUP(buf_clear) = {0};

        add_longest(&says, record);
        row(t, "  caches", "", "", buf_str(&says));
    }
}

static void widen(size_t *width, size_t len)
{
    *width = len > *width ? len : *width;
}

/* The widest name has its room, up to a third, and the rest as there is. */
static void measure(struct table *t, const json_t *records)
{
    const json_t *r, *o;
    size_t i, k;

    t->name = strlen("RECORD, SERVER");
    json_array_foreach(records, i, r)
    {
        widen(&t->name, strlen(text_of(r, "name")) + 1 + strlen(text_of(r, "type")));
        json_array_foreach(json_object_get(r, "servers"), k, o)
            widen(&t->name, strlen("  ") + strlen(text_of(o, "server")));
        json_array_foreach(json_object_get(r, "resolvers"), k, o)
            widen(&t->name, strlen("  cache ") + strlen(text_of(o, "resolver")));
    }
    if (t->name > t->columns / 3 + 4)
        t->name = t->columns / 3 + 4;
    /* Values are the first thing a narrow terminal does without. */
    t->what = t->columns >= 120 ? 28 : t->columns >= 100 ? 20 : 0;
    t->share = t->columns >= 60 ? strlen("100.0 % (97.8-100.0)") : 0;
}

static void fill(struct table *t, const json_t *report, const char *title)
{
    const json_t *records = json_object_get(report, "records"), *r;
    struct buf head SL_CLEANUP(buf_clear) = {0};
    size_t i;

    buf_reset(t->out);
    t->lines = 0;
    add_safe(&head, title);
    buf_addf(&head, "  round %lld, %s  %s", whole(report, "round"), text_of(report, "time"),
             !whole(report, "round")                            ? "asking ..."
             : json_is_true(json_object_get(report, "agrees")) ? "DNS agrees with what is written"
                                                               : "DNS DOES NOT AGREE with what is written");
    pad(t->out, buf_str(&head), t->columns);
    end_line(t);
    row(t, "RECORD, SERVER", "ANSWERS NOW", "NEW (95 %)", "");
    json_array_foreach(records, i, r) if (!record_agrees(r)) record_rows(t, r);
    json_array_foreach(records, i, r) if (record_agrees(r)) record_rows(t, r);
    if (has(report, "resolvers_not_asked_about")) {
        struct buf words SL_CLEANUP(buf_clear) = {0};

        buf_addf(&words, "resolvers are not asked about %lld more records", whole(report, "resolvers_not_asked_about"));
        row(t, "", "", "", buf_str(&words));
    }
}

void lookout_table(const json_t *report, const char *title, size_t columns, size_t rows, struct buf *out)
{
    struct table t = {.out = out, .columns = columns, .all = true};
    struct buf more SL_CLEANUP(buf_clear) = {0};
    size_t at = 0, kept = 0, lines;

    measure(&t, json_object_get(report, "records"));
    fill(&t, report, title);
    if (t.lines > rows) {
        t.all = false;
        fill(&t, report, title);
    }
    lines = t.lines;
    if (lines <= rows || rows < 2)
        return;
    while (kept < rows - 1) {
        at += strcspn(out->data + at, "\n") + 1;
        kept++;
    }
    buf_cut(out, at);
    buf_addf(&more, "... %zu more lines; a taller window shows them", lines - kept);
    pad(out, buf_str(&more), columns);
    end_line(&t);
}
