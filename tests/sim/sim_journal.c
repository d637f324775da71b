/* The disk: lines in memory, durable some time later. A crash keeps the durable ones and, by
 * chance, a few that were on their way, the last perhaps torn; what is left goes through the
 * shipped journal's bytes. */
#include <string.h>

#include "journal.h"
#include "ramp_state.h"
#include "sim.h"

static void line_free(struct sim_line *l)
{
    json_decref(l->fence);
    json_decref(l->baseline);
    memset(l, 0, sizeof *l);
}

void line_clear(struct sim_ctl *c)
{
    for (uint32_t i = 0; i < c->n_lines; i++)
        line_free(&c->line[i]);
    c->n_lines = 0;
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

/* One line with the state of now. Lines nobody waits for become durable with the next that is. */
uint64_t line_add(struct sim_ctl *c, bool sync)
{
    struct sim *s = c->sim;
    struct sim_line *l;
    int64_t at = s->now + c->fsync_ms;

    line_forget(c);
    if (c->n_lines == SIM_LINES) { /* a dead disk: the newest replaces the one before */
        line_free(&c->line[--c->n_lines]);
    }
    l = &c->line[c->n_lines++];
    *l = (struct sim_line){.seq = ++c->seq, .durable_ms = sync && !c->disk_dead ? at : INT64_MAX};
    l->core = c->ramp->core;
    l->fence = fence_save(c->fence);
    if (sync && !c->disk_dead)
        for (uint32_t i = 0; i < c->n_lines; i++)
            if (c->line[i].durable_ms > at)
                c->line[i].durable_ms = at;
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

/* Lines before the last durable one were forgotten, so they are numbered anew. */
static void write_line(struct sim_ctl *c, const struct sim_line *l, uint64_t seq, struct buf *out)
{
    struct err err = {0};
    json_t *event = json_pack("{s:s}", "kind", "sim"), *actions = json_array(), *state;
    struct ramp *r = c->ramp;

    r->core = l->core;
    state = ramp_state_save(r, &c->sim->plan);
    json_object_set(state, "fence", l->fence);
    if (!journal_format(out, seq, seq - 1, SIM_WALL + c->sim->now, event, actions, state, &err))
        check_wrong(c->sim, "a journal line cannot be written: %s", err.text);
    json_decref(event);
    json_decref(actions);
    json_decref(state);
}

/* What a restart reads. False: there is not one good line. The ramp's own memory is only scratch by
 * now. */
bool line_recover(struct sim_ctl *c, struct ramp_core *core, json_t **fence)
{
    struct sim *s = c->sim;
    struct buf bytes SL_CLEANUP(buf_clear) = {0};
    struct journal_reading reading = {0};
    struct err err = {0};
    bool ok;

    for (uint32_t i = 0; i < c->n_lines; i++) {
        bool durable = c->line[i].durable_ms <= s->now;
        size_t before = bytes.len;

        if (!durable && sim_chance(s, 500))
            break;
        write_line(c, &c->line[i], i + 1, &bytes);
        if (c->line[i].baseline) {
            json_decref(c->baseline);
            c->baseline = json_incref(c->line[i].baseline);
        }
        if (!durable && sim_chance(s, 300)) { /* torn */
            buf_cut(&bytes, before + (bytes.len - before) / 2);
            break;
        }
    }
    if (bytes.len == 0 || !journal_read(bytes.data, bytes.len, NULL, NULL, NULL, &reading, &err)) {
        journal_reading_clear(&reading);
        return false;
    }
    if (reading.end == JOURNAL_DAMAGED)
        check_wrong(s, "a torn tail was taken for damage");
    ok = ramp_state_load(reading.last.state, core, &err);
    if (!ok)
        check_wrong(s, "the journal's state cannot be read: %s", err.text);
    *fence = json_incref(json_object_get(reading.last.state, "fence"));
    journal_reading_clear(&reading);
    for (uint32_t i = 0; i < c->n_lines; i++)
        line_free(&c->line[i]);
    /* What was read stays on the disk. */
    c->n_lines = 1;
    c->line[0] = (struct sim_line){.seq = c->seq, .durable_ms = s->now, .core = *core};
    c->line[0].fence = json_incref(*fence);
    c->line[0].baseline = json_incref(c->baseline);
    return ok;
}
