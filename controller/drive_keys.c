/* drive_keys.c: credentials with an end, beside everything else. A rollback waits for none of this:
 * it is signed with those in hand. */
#include <string.h>

#include "drive_inner.h"
#include "sluice/log.h"
#include "sluice/text.h"

int64_t drive_keys_need_ms(const struct fence *f, const struct plan *plan)
{
    return plan_drain_ms(plan, (int64_t)fence_ttl_max(f) * 1000) + DRIVE_KEYS_MS;
}

static void add_until(const struct drive *d, struct buf *out)
{
    int64_t until = rig_keys_until(d->s.rig);

    if (until)
        text_format_time(out, until, false);
    else
        buf_add_str(out, "an unknown time");
}

static void say_renewed(struct drive *d)
{
    struct buf until SL_CLEANUP(buf_clear) = {0};

    add_until(d, &until);
    view_event(d->s.view, VIEW_INFO, d->wall_ms, "credentials",
               json_pack("{s:b, s:s}", "renewed", 1, "until", buf_str(&until)),
               "fresh AWS credentials, good until %s", buf_str(&until));
    free(d->keys_said);
    d->keys_said = NULL;
}

/* Once for each reason: it is tried again for as long as the run lasts. */
static void say_not_renewed(struct drive *d, const struct err *why)
{
    struct buf until SL_CLEANUP(buf_clear) = {0};

    if (d->keys_said && strcmp(d->keys_said, why->text) == 0)
        return;
    free(d->keys_said);
    d->keys_said = x_strdup(why->text);
    add_until(d, &until);
    view_event(
        d->s.view, VIEW_BAD, d->wall_ms, "credentials",
        json_pack("{s:b, s:s, s:s}", "renewed", 0, "until", buf_str(&until), "why", why->text),
        "the AWS credentials cannot be renewed, tried again: %s; those in hand live until %s",
        why->text, buf_str(&until));
}

void drive_keys_step(struct drive *d)
{
    struct ramp_event ev = {.kind = RAMP_EV_CREDENTIALS};
    int64_t need_ms = drive_keys_need_ms(d->s.fence, d->plan);
    struct err why = {0};

    switch (rig_keys_step(d->s.rig, d->now_ms, d->wall_ms, need_ms, &why)) {
    case CREDENTIALS_RENEWED:
        say_renewed(d);
        break;
    case CREDENTIALS_NOT_RENEWED:
        say_not_renewed(d, &why);
        break;
    case CREDENTIALS_NO_NEWS:
        break;
    }
    ev.credentials_short = rig_keys_short(d->s.rig, d->wall_ms, need_ms);
    if (ev.credentials_short == d->keys_short)
        return;
    d->keys_short = ev.credentials_short;
    drive_event(d, &ev);
}
