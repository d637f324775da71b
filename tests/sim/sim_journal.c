/* The disk: lines in memory, durable some time later. A crash keeps the durable ones and, by
 * chance or as planned, some that were on their way: none, all, the last torn, or a later one
 * without the one before it, which is then worth nothing. What is left goes through the shipped journal's bytes. */
#include <stdlib.h>
#include <string.h>

#include "journal.h"
#include "ramp_state.h"
#include "sim.h"
#include "sluice/common.h"

static void line_free(struct sim_line *l)
{
    json_decref(l->fence);
    json_decref(l->baseline);
    memset(l, 0, sizeof *l);
}

static void forget_all(struct sim_ctl *c)
{
    for (uint32_t i = 0; i < c->n_lines; i++)
        line_free(&c->line[i]);
    c->n_lines = 0;
}

void line_clear(struct sim_ctl *c)
{
    forget_all(c);
    free(c->line);
    c->line = NULL;
    json_decref(c->baseline);
    c->baseline = NULL;
}

/* Forgets what a newer durable line replaces. */
static void line_forget(struct sim_ctl *c)
{
    uint32_t last = 0;

    for (uint32_t i = 0; i < c->n_lines; i++)
        if (c->line[i].durable_ms <= c->sim->now)
            last = i;
    if (last == 0)
        return;
    for (uint32_t i = 0; i < last; i++)
        if (c->line[i].baseline && !c->line[last].baseline)
            c->line[last].baseline = json_incref(c->line[i].baseline);
    for (uint32_t i = 0; i < last; i++)
        line_free(&c->line[i]);
    memmove(c->line, c->line + last, (c->n_lines - last) * sizeof *c->line);
    c->n_lines -= last;
}

bool line_disk_bad(const struct sim_ctl *c)
{
    return c->disk_bad_ms <= c->sim->now;
}

static struct sim_line *line_new(struct sim_ctl *c)
{
    struct sim_line *l;

    line_forget(c);
    if (!c->line)
        c->line = x_malloc(SIM_LINES * sizeof *c->line);
    if (c->n_lines == SIM_LINES) /* a dead disk: the newest replaces the one before */
        line_free(&c->line[--c->n_lines]);
    l = &c->line[c->n_lines++];
    *l = (struct sim_line){.seq = ++c->seq, .durable_ms = INT64_MAX};
    l->known = line_synced(c);
    l->core = c->ramp->core;
    l->fence = fence_save(c->fence);
    return l;
}

/* One line with the state of now. Lines nobody waits for become durable with the next that is. */
uint64_t line_add(struct sim_ctl *c, bool sync, bool baseline)
{
    int64_t now = c->sim->now, at = now + (now < c->slow_from_ms ? c->fsync_ms : c->slow_ms);
    bool first_bad = line_disk_bad(c) && (c->n_lines == 0 || !c->line[c->n_lines - 1].gone);
    struct sim_line *l;

    if (!ctl_place(c, CALL_APPEND, false))
        return 0;
    l = line_new(c);
    if (baseline)
        l->baseline = fence_save_baseline(c->fence);
    if (line_disk_bad(c) && c->disk_full) {
        l->gone = true;
        l->half = first_bad;
    }
    for (uint32_t i = 0; sync && !line_disk_bad(c) && i < c->n_lines; i++)
        if (c->line[i].durable_ms > at)
            c->line[i].durable_ms = at;
    (void)ctl_place(c, CALL_APPEND, true);
    return l->seq;
}

uint64_t line_synced(struct sim_ctl *c)
{
    uint64_t seq = 0;

    for (uint32_t i = 0; i < c->n_lines; i++)
        if (c->line[i].durable_ms <= c->sim->now)
            seq = c->line[i].seq;
    return seq;
}

bool line_tells(const struct sim_ctl *c, uint32_t op)
{
    for (uint32_t i = 0; i < c->n_lines; i++)
        if (c->line[i].durable_ms <= c->sim->now && c->line[i].core.op == (int64_t)op)
            return true;
    return false;
}

uint32_t line_unsynced(const struct sim_ctl *c)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < c->n_lines; i++)
        n += c->line[i].durable_ms > c->sim->now;
    return n;
}

void line_settle(struct sim_ctl *c)
{
    for (uint32_t i = 0; i < c->n_lines && !line_disk_bad(c); i++)
        if (c->line[i].durable_ms > c->sim->now)
            c->line[i].durable_ms = c->sim->now;
}

/* Line i, as the shipped journal writes it. Lines before the last durable one were forgotten, so they
 * are numbered anew, from 1. */
static void write_line(struct sim_ctl *c, uint32_t i, struct buf *out)
{
    const struct sim_line *l = &c->line[i];
    uint64_t synced = 0;
    struct err err = {0};
    json_t *event = json_pack("{s:s}", "kind", "sim"), *actions = json_array(), *state;
    struct ramp *r = c->ramp;

    while (synced < i && c->line[synced].seq <= l->known)
        synced++;
    r->core = l->core;
    state = ramp_state_save(r, &c->sim->plan);
    json_object_set(state, "fence", l->fence);
    if (!journal_format(out, i + 1, synced, SIM_WALL + c->sim->now, event, actions, state, &err))
        check_wrong(c->sim, "a journal line cannot be written: %s", err.text);
    json_decref(event);
    json_decref(actions);
    json_decref(state);
}

/* ---- What a crash leaves
 * -------------------------------------------------------------------------------- */

enum left { LEFT_WHOLE, LEFT_TORN, LEFT_HOLE, LEFT_OUT };

/* What becomes of unsynced line i (from 0) of n. */
static enum left left_of(const struct sim_ctl *c, enum sim_tail tail, uint32_t i, uint32_t n)
{
    struct sim *s = c->sim;

    switch (tail) {
    case TAIL_KEPT:
        return LEFT_WHOLE;
    case TAIL_LOST:
        return LEFT_OUT;
    case TAIL_TORN:
        return i + 1 == n ? LEFT_TORN : LEFT_WHOLE;
    case TAIL_REORDERED:
        return i + 1 == n || n == 1 ? LEFT_WHOLE : LEFT_HOLE;
    case TAIL_CHANCE:
        break;
    }
    if (sim_chance(s, 500))
        return LEFT_OUT;
    return sim_chance(s, 300) ? LEFT_TORN : LEFT_WHOLE;
}

static void tear(struct sim *s, struct buf *bytes, size_t from)
{
    fault_met(s, FAULT_LINE_TORN);
    buf_cut(bytes, from + (bytes->len - from) / 2);
}

/* Pages that were written behind the hole reached the disk, the hole's did not: zeros. */
static void punch(struct buf *bytes, size_t from)
{
    memset(bytes->data + from, 0, bytes->len - from);
}

static enum sim_tail tail_of(struct sim_ctl *c, uint32_t unsynced)
{
    if (c->tail != TAIL_CHANCE)
        return c->tail;
    return unsynced > 1 && !c->line[c->n_lines - 1].gone && sim_chance(c->sim, 200) ? TAIL_REORDERED
                                                                                    : TAIL_CHANCE;
}

/* A synced line that cannot be read any more, though a later one says that it was synced: no crash does
 * that, a bad sector or an editor does. */
static bool garble(struct sim_ctl *c, struct buf *bytes)
{
    const char *newline;

    for (uint32_t i = 0; i < c->n_lines; i++) {
        if (c->line[i].gone)
            return false;
        write_line(c, i, bytes);
    }
    newline = memchr(bytes->data, '\n', bytes->len);
    memset(bytes->data, 0, (size_t)(newline - bytes->data));
    fault_met(c->sim, FAULT_JOURNAL_GARBLED);
    return true;
}

static bool may_garble(const struct sim_ctl *c)
{
    return c->tail == TAIL_CHANCE && c->n_lines > 1 && !c->line[c->n_lines - 1].gone &&
           c->line[0].durable_ms <= c->sim->now && c->line[c->n_lines - 1].known >= c->line[0].seq;
}

/* The bytes a restart finds, and how many lines of them a restart is to go by. */
static uint32_t on_disk(struct sim_ctl *c, struct buf *bytes)
{
    struct sim *s = c->sim;
    uint32_t n = line_unsynced(c), k = 0;
    enum sim_tail tail = tail_of(c, n);

    uint32_t good = 0;
    bool behind = false; /* a hole */

    for (uint32_t i = 0; i < c->n_lines; i++) {
        bool durable = c->line[i].durable_ms <= s->now;
        enum left left = durable ? LEFT_WHOLE : left_of(c, tail, k++, n);
        size_t before = bytes->len;

        if (c->line[i].gone)
            left = c->line[i].half ? LEFT_TORN : LEFT_OUT;
        if (left == LEFT_OUT) {
            fault_met(s, FAULT_LINES_LOST);
            break;
        }
        write_line(c, i, bytes);
        if (left == LEFT_TORN) {
            tear(s, bytes, before);
            break;
        }
        if (left == LEFT_HOLE) {
            fault_met(s, FAULT_LINES_REORDERED);
            punch(bytes, before);
            behind = true;
        }
        if (behind)
            continue;
        good = i + 1;
        if (c->line[i].baseline) {
            json_decref(c->baseline);
            c->baseline = json_incref(c->line[i].baseline);
        }
    }
    return good;
}

/* What a restart reads. The ramp's own memory is only scratch by now. LINES_NONE: nothing was ever
 * begun. LINES_DAMAGED: the shipped program refuses to go on with it. */
enum line_found line_recover(struct sim_ctl *c, struct ramp_core *core, json_t **fence)
{
    struct sim *s = c->sim;
    struct buf bytes SL_CLEANUP(buf_clear) = {0};
    struct journal_reading reading = {0};
    struct err err = {0};
    bool garbled = may_garble(c) && sim_chance(s, 20) && garble(c, &bytes);
    uint32_t good = garbled ? 0 : on_disk(c, &bytes);

    if (bytes.len == 0 || !journal_read(bytes.data, bytes.len, NULL, NULL, NULL, &reading, &err)) {
        journal_reading_clear(&reading);
        forget_all(c);
        return LINES_NONE;
    }
    if ((reading.end == JOURNAL_DAMAGED) != garbled)
        check_wrong(s, garbled ? "damage in the journal was not seen"
                               : "a tail that a crash left was taken for damage");
    if (garbled) {
        journal_reading_clear(&reading);
        return LINES_DAMAGED;
    }
    if (reading.n_lines != good)
        check_wrong(s, "%s: %u lines of its journal are to be gone by, not %u", c->run, good,
                    (unsigned)reading.n_lines);
    if (!ramp_state_load(reading.last.state, core, &err))
        check_wrong(s, "the journal's state cannot be read: %s", err.text);
    *fence = json_incref(json_object_get(reading.last.state, "fence"));
    journal_reading_clear(&reading);
    forget_all(c);
    /* What was read stays on the disk. */
    c->n_lines = 1;
    c->line[0] = (struct sim_line){.seq = c->seq, .durable_ms = s->now, .core = *core};
    c->line[0].fence = json_incref(*fence);
    c->line[0].baseline = json_incref(c->baseline);
    return LINES_GOOD;
}
