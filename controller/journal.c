#include "journal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sluice/text.h"

/* The tail of every line: ,"crc":"xxxxxxxx"} */
#define CRC_KEY    ",\"crc\":\""
#define CRC_TAIL   (sizeof CRC_KEY - 1 + 8 + 2)
#define HEAD       "{\"v\":"
#define RESYNC_MAX 64 /* lines that may begin inside a bad one */

uint32_t journal_crc(const void *data, size_t len)
{
    /* Half a byte at a time: small, and fast enough for a few kilobytes a second. */
    static const uint32_t nibbles[16] = {
        0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
        0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
        0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
    };
    const unsigned char *p = data;
    uint32_t crc = 0xffffffff;

    for (size_t i = 0; i < len; i++) {
        crc = (crc >> 4) ^ nibbles[(crc ^ p[i]) & 15];
        crc = (crc >> 4) ^ nibbles[(crc ^ (uint32_t)(p[i] >> 4)) & 15];
    }
    return ~crc;
}

static int add_json(const char *data, size_t len, void *ctx)
{
    buf_add(ctx, data, len);
    return 0;
}

static bool dump(struct buf *out, const char *key, const json_t *value)
{
    buf_addf(out, ",\"%s\":", key);
    return value && json_dump_callback(value, add_json, out, JSON_COMPACT | JSON_ENCODE_ANY) == 0;
}

bool journal_format(struct buf *out, uint64_t seq, uint64_t synced, int64_t time_ms,
                    const json_t *event, const json_t *actions, const json_t *state,
                    struct err *err)
{
    struct buf line SL_CLEANUP(buf_clear) = {.max = JOURNAL_LINE_MAX - CRC_TAIL - 1};
    bool ok;

    buf_addf(&line, HEAD "%d,\"seq\":%" PRIu64 ",\"synced\":%" PRIu64 ",\"time\":\"",
             JOURNAL_VERSION, seq, synced);
    text_format_time(&line, time_ms, true);
    buf_add_char(&line, '"');
    ok = dump(&line, "event", event) && dump(&line, "actions", actions) &&
         dump(&line, "state", state);
    if (!buf_ok(&line))
        return err_set(err, ERR_LIMIT, "a journal line would be longer than %zu bytes",
                       JOURNAL_LINE_MAX);
    if (!ok)
        return err_set(err, ERR_BUG, "a journal line cannot be written as JSON");
    buf_add(out, line.data, line.len);
    buf_addf(out, CRC_KEY "%08" PRIx32 "\"}\n", journal_crc(line.data, line.len));
    return buf_ok(out) || err_set(err, ERR_LIMIT, "the journal's buffer is full");
}

/* What can be told of a line without decoding its JSON. */
struct outline {
    bool good;  /* head, tail and crc fit */
    bool other; /* a good line of another version */
    uint64_t version;
    uint64_t seq, synced;
};

static bool digits(const char **p, const char *end, uint64_t *out)
{
    uint64_t value = 0;
    const char *start = *p;

    while (*p < end && **p >= '0' && **p <= '9' && *p - start < 19)
        value = value * 10 + (uint64_t)(*(*p)++ - '0');
    *out = value;
    return *p > start;
}

static bool skip(const char **p, const char *end, const char *word)
{
    size_t n = strlen(word);

    if ((size_t)(end - *p) < n || memcmp(*p, word, n) != 0)
        return false;
    *p += n;
    return true;
}

static struct outline outline(const char *text, size_t len)
{
    struct outline o = {0};
    const char *p = text, *end = text + len;
    char tail[CRC_TAIL + 1];

    if (len > JOURNAL_LINE_MAX || len < sizeof HEAD + CRC_TAIL)
        return o;
    snprintf(tail, sizeof tail, CRC_KEY "%08" PRIx32 "\"}", journal_crc(text, len - CRC_TAIL));
    if (memcmp(end - CRC_TAIL, tail, CRC_TAIL) != 0)
        return o;
    if (!skip(&p, end, HEAD) || !digits(&p, end, &o.version))
        return o;
    /* Every version keeps the head and the crc, so that an older sluice can name a newer journal.
     */
    o.other = o.version != JOURNAL_VERSION;
    o.good = o.other || (skip(&p, end, ",\"seq\":") && digits(&p, end, &o.seq) && o.seq > 0);
    if (o.good && !o.other && !(skip(&p, end, ",\"synced\":") && digits(&p, end, &o.synced)))
        o.synced = o.seq - 1; /* of before lines said so: the strictest reading */
    return o;
}

static bool refuse_version(uint64_t version, struct err *err)
{
    return err_set(err, ERR_REFUSED,
                   "the journal was written in format %" PRIu64 ", this sluice reads format %d; "
                   "use the sluice that wrote it",
                   version, JOURNAL_VERSION);
}

bool journal_parse_line(const char *text, size_t len, struct journal_line *out, struct err *err)
{
    struct outline o = outline(text, len);
    json_t *root, *event, *actions, *state;
    const char *time;
    bool ok;

    *out = (struct journal_line){0};
    if (!o.good)
        return err_set(err, ERR_PROTOCOL, "this is no whole line of a journal");
    if (o.other)
        return refuse_version(o.version, err);
    root = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
    time = json_string_value(json_object_get(root, "time"));
    event = json_object_get(root, "event");
    actions = json_object_get(root, "actions");
    state = json_object_get(root, "state");
    ok = time && text_parse_time_ms(time, &out->time_ms, NULL) && json_is_object(event) &&
         json_is_array(actions) && json_is_object(state);
    if (ok) {
        out->seq = o.seq;
        out->event = json_incref(event);
        out->actions = json_incref(actions);
        out->state = json_incref(state);
    }
    json_decref(root);
    return ok || err_set(err, ERR_PROTOCOL, "this journal line lacks a part");
}

/* Where a good line stands, and how many there are up to it. */
struct mark {
    const char *at;
    size_t len;
    uint64_t n;
};

/* One pass over the lines. */
struct scan {
    struct mark all, sound; /* the last good line; the last with nothing bad before it */
    uint64_t n, next_seq;
    uint64_t synced;  /* what the good ones say was durable */
    uint64_t bad_seq; /* the first number that is missing */
    uint64_t version; /* of a line that another sluice wrote; 0: none */
};

static void note_bad(struct journal_reading *out, struct scan *s)
{
    if (out->bad_line)
        return;
    out->bad_line = s->n;
    s->bad_seq = s->next_seq;
}

/* Where to look on behind a bad line: at a line that begins within it (its newline was lost), so
 * that a good one is not taken for torn bytes, or behind its end. */
static const char *behind_bad(const char *p, const char *stop, const char *end)
{
    const char *next = p;

    for (int i = 0; i < RESYNC_MAX && next < stop; i++) {
        next = memmem(next + 1, (size_t)(stop - next - 1), HEAD, sizeof HEAD - 1);
        if (!next)
            break;
        if (outline(next, (size_t)(stop - next)).good)
            return next;
    }
    return stop < end ? stop + 1 : end;
}

static void scan_lines(const char *p, const char *end, struct scan *s, struct journal_reading *out)
{
    while (p < end) {
        const char *newline = memchr(p, '\n', (size_t)(end - p));
        const char *stop = newline ? newline : end;
        struct outline o = outline(p, (size_t)(stop - p));

        s->n++;
        if (o.other) {
            s->version = o.version;
            return;
        }
        if (!newline || !o.good) {
            note_bad(out, s);
            p = behind_bad(p, stop, end);
            continue;
        }
        if (!out->bad_line && o.seq != s->next_seq)
            note_bad(out, s); /* a number was left out */
        s->next_seq = o.seq + 1;
        if (o.synced > s->synced)
            s->synced = o.synced;
        s->all = (struct mark){p, (size_t)(stop - p), s->all.n + 1};
        if (!out->bad_line)
            s->sound = s->all;
        p = newline + 1;
    }
}

static void visit_lines(const char *p, const char *end, const char *needle, journal_visit *visit,
                        void *ctx)
{
    bool go_on = true;

    while (p < end && go_on) {
        const char *newline = memchr(p, '\n', (size_t)(end - p));
        const char *stop = newline ? newline : end;
        size_t len = (size_t)(stop - p);
        struct journal_line line;

        if (!outline(p, len).good) {
            p = behind_bad(p, stop, end);
            continue;
        }
        if (!needle || memmem(p, len, needle, strlen(needle))) {
            if (journal_parse_line(p, len, &line, NULL))
                go_on = visit(ctx, &line);
            journal_line_clear(&line);
        }
        p = newline + 1;
    }
}

bool journal_read(const char *data, size_t len, const char *needle, journal_visit *visit, void *ctx,
                  struct journal_reading *out, struct err *err)
{
    struct scan s = {.next_seq = 1};
    struct mark last;

    *out = (struct journal_reading){0};
    scan_lines(data, data + len, &s, out);
    if (s.version)
        return refuse_version(s.version, err);
    if (out->bad_line)
        out->end = s.synced >= s.bad_seq ? JOURNAL_DAMAGED : JOURNAL_TORN;
    last = out->end == JOURNAL_DAMAGED ? s.all : s.sound;
    if (!last.at)
        return err_set(err, ERR_REFUSED, "the journal holds no whole line");
    out->n_lines = last.n;
    out->whole_bytes = (size_t)(last.at - data) + last.len + 1;
    if (visit)
        visit_lines(data, data + out->whole_bytes, needle, visit, ctx);
    return journal_parse_line(last.at, last.len, &out->last, err);
}

void journal_line_clear(struct journal_line *line)
{
    json_decref(line->event);
    json_decref(line->actions);
    json_decref(line->state);
    *line = (struct journal_line){0};
}

void journal_reading_clear(struct journal_reading *r)
{
    journal_line_clear(&r->last);
    *r = (struct journal_reading){0};
}
