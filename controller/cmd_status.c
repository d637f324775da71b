/* cmd_status.c: `sluice status`, from the journals alone. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "journal_file.h"
#include "sluice/buf.h"
#include "sluice/clock.h"
#include "sluice/file.h"
#include "sluice/text.h"
#include "walk.h"

#define CUTOVERS_MAX 256

/* A word out of the journal as safe text for people. */
static const char *word(struct buf *room, const json_t *object, const char *key)
{
    const char *s = json_string_value(json_object_get(object, key));

    buf_reset(room);
    if (s)
        text_add_safe(room, s, strlen(s), 300);
    return buf_str(room);
}

/* Whether a process holds the lock of this cutover now. */
static bool is_running(int dirfd, const char *cutover)
{
    char name[JOURNAL_NAME_MAX];
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int fd SL_CLEANUP(file_close) = -1;

    if (snprintf(name, sizeof name, "%s.lock", cutover) >= (int)sizeof name)
        return false;
    fd = openat(dirfd, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    return fd >= 0 && fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

/* Something is being written: the share that is told is where it goes, or where it was. */
static bool on_its_way(const char *phase)
{
    static const enum ramp_phase ways[] = {RAMP_APPLYING, RAMP_REVERTING, RAMP_UNSAFE};

    for (size_t i = 0; i < ARRAY_LEN(ways); i++)
        if (strcmp(phase, ramp_phase_name(ways[i])) == 0)
            return true;
    return false;
}

static json_t *describe(int dirfd, const char *cutover, const struct journal_reading *r)
{
    static const char *const ends[] = {"whole", "torn", "damaged"};
    const json_t *state = r->last.state;
    const char *phase = json_string_value(json_object_get(state, "phase"));
    struct buf time SL_CLEANUP(buf_clear) = {0};
    json_t *out = json_object();

    text_format_time(&time, r->last.time_ms, true);
    json_object_set_new(out, "cutover", json_string(cutover));
    json_object_set(out, "run", json_object_get(state, "run"));
    json_object_set(out, "plan", json_object_get(state, "plan"));
    json_object_set(out, "phase", json_object_get(state, "phase"));
    json_object_set(out, "why", json_object_get(state, "why"));
    json_object_set(out, "percent", json_object_get(state, "percent"));
    json_object_set_new(out, "confirmed", json_boolean(phase && !on_its_way(phase)));
    json_object_set_new(out, "unfinished", json_boolean(walk_state_unfinished(state)));
    json_object_set_new(out, "running", json_boolean(is_running(dirfd, cutover)));
    json_object_set_new(out, "journal", json_string(ends[r->end]));
    json_object_set_new(out, "lines", json_integer((json_int_t)r->n_lines));
    json_object_set_new(out, "last", json_string(buf_str(&time)));
    return out;
}

static void print_text(const json_t *d)
{
    struct buf room SL_CLEANUP(buf_clear) = {0};
    const char *phase = json_string_value(json_object_get(d, "phase"));
    const char *why = json_string_value(json_object_get(d, "why"));
    bool running = json_is_true(json_object_get(d, "running"));
    char plan[512];

    printf("%s  ", word(&room, d, "cutover"));
    printf("run %s  ", word(&room, d, "run"));
    printf("%s", word(&room, d, "phase"));
    if (why && strcmp(why, "none") != 0)
        printf(" (%s)", word(&room, d, "why"));
    printf("  new %lld%%%s", (long long)json_integer_value(json_object_get(d, "percent")),
           phase && on_its_way(phase) ? " (not confirmed)" : "");
    printf("  %s  last line %s\n", running ? "running" : "not running", word(&room, d, "last"));
    snprintf(plan, sizeof plan, "%s", word(&room, d, "plan"));
    if (strcmp(json_string_value(json_object_get(d, "journal")), "damaged") == 0)
        printf("  the journal is damaged; no forward step can rest on it\n"
               "  go back: sluice rollback %s\n",
               plan);
    else if (!running && json_is_true(json_object_get(d, "unfinished")))
        printf("  unfinished: sluice resume %s\n  or go back: sluice rollback %s\n", plan, plan);
}

static bool show(int dirfd, const char *cutover, const struct opts *opts, json_t *all,
                 struct err *err)
{
    char name[JOURNAL_NAME_MAX];
    struct journal_reading r = {0};
    bool found, ok;

    if (!journal_find(dirfd, cutover, opts->run, name, &found, err))
        return false;
    if (!found)
        return err_set(err, ERR_REFUSED, "no run of '%.100s' is recorded here", cutover);
    ok = journal_load(dirfd, name, NULL, NULL, NULL, &r, err);
    if (ok)
        json_array_append_new(all, describe(dirfd, cutover, &r));
    journal_reading_clear(&r);
    return ok;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The cutovers that have a journal here, each once. */
static size_t list_cutovers(int dirfd, char *names[CUTOVERS_MAX])
{
    int copy = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = copy < 0 ? NULL : fdopendir(copy);
    struct dirent *e;
    size_t n = 0, kept = 0;

    if (!dir) {
        file_close(&copy);
        return 0;
    }
    while (n < CUTOVERS_MAX && (e = readdir(dir))) {
        const char *dot = strchr(e->d_name, '.');

        if (dot && dot != e->d_name && text_ends_with(e->d_name, ".jsonl"))
            names[n++] = x_strndup(e->d_name, (size_t)(dot - e->d_name));
    }
    closedir(dir);
    qsort(names, n, sizeof *names, by_name);
    for (size_t i = 0; i < n; i++) {
        if (kept && strcmp(names[kept - 1], names[i]) == 0)
            free(names[i]);
        else
            names[kept++] = names[i];
    }
    return kept;
}

static bool collect(int dirfd, const struct opts *opts, json_t *all, struct err *err)
{
    char *names[CUTOVERS_MAX];
    size_t n;
    bool ok = true;

    if (opts->n_args) {
        struct buf cutover SL_CLEANUP(buf_clear) = {0};

        return walk_cutover_of(opts->args[0], &cutover, err) &&
               show(dirfd, buf_str(&cutover), opts, all, err);
    }
    n = list_cutovers(dirfd, names);
    for (size_t i = 0; i < n; i++) {
        ok = ok && show(dirfd, names[i], opts, all, err);
        free(names[i]);
    }
    return ok;
}

int cmd_status(const struct opts *opts, struct err *err)
{
    struct buf path SL_CLEANUP(buf_clear) = {0};
    int dirfd SL_CLEANUP(file_close) = -1;
    json_t *all;
    bool ok;

    if (!opts_state_dir(opts, &path, err))
        return 0;
    dirfd = open(buf_str(&path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    all = json_array();
    ok = dirfd < 0 ? opts->n_args == 0 ||
                         err_set(err, ERR_REFUSED, "no run is recorded in %s", buf_str(&path))
                   : collect(dirfd, opts, all, err);
    if (ok && opts->format == OPTS_FORMAT_JSON) {
        json_dumpf(all, stdout, JSON_COMPACT);
        putchar('\n');
    } else if (ok) {
        for (size_t i = 0; i < json_array_size(all); i++)
            print_text(json_array_get(all, i));
        if (!json_array_size(all))
            printf("no run is recorded in %s\n", buf_str(&path));
    }
    json_decref(all);
    return 0;
}
