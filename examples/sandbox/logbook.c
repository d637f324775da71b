#include "logbook.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

struct logbook {
    int fd;
    uint64_t first, last; /* seq of lines[0] and of the newest */
    char **lines;
    size_t n, cap;
};

struct logbook *logbook_new(const char *path, struct err *err)
{
    struct logbook *l = x_zalloc(sizeof *l);

    l->first = 1;
    l->fd = -1;
    if (!path)
        return l;
    l->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
    if (l->fd < 0) {
        err_set(err, ERR_IO, "cannot write the log %s: %s", path, strerror(errno));
        logbook_free(l);
        return NULL;
    }
    return l;
}

void logbook_free(struct logbook *l)
{
    if (!l)
        return;
    for (size_t i = 0; i < l->n; i++)
        free(l->lines[i]);
    free(l->lines);
    if (l->fd >= 0)
        close(l->fd);
    free(l);
}

static void make_room(struct logbook *l)
{
    if (l->n == LOGBOOK_LINES_MAX) {
        size_t drop = LOGBOOK_LINES_MAX / 10;

        for (size_t i = 0; i < drop; i++)
            free(l->lines[i]);
        memmove(l->lines, l->lines + drop, (l->n - drop) * sizeof(char *));
        l->n -= drop;
        l->first += drop;
    }
    if (l->n == l->cap) {
        l->cap = l->cap ? l->cap * 2 : 256;
        l->lines = x_realloc(l->lines, l->cap, sizeof(char *));
    }
}

void logbook_add(struct logbook *l, json_t *entry)
{
    struct buf line = {0};
    char *body = json_dumps(entry, JSON_COMPACT);
    ssize_t wrote;

    make_room(l);
    buf_addf(&line, "{\"seq\":%llu,%s\n", (unsigned long long)++l->last, body + 1);
    if (l->fd >= 0) {
        /* One write a line: a reader never sees half of one. A full disk must not stop the sandbox.
         */
        wrote = write(l->fd, line.data, line.len);
        (void)wrote;
    }
    buf_cut(&line, line.len - 1);
    l->lines[l->n++] = buf_take(&line);
    free(body);
    json_decref(entry);
}

uint64_t logbook_last(const struct logbook *l)
{
    return l->last;
}

void logbook_since(const struct logbook *l, uint64_t since, struct buf *out)
{
    size_t at = since < l->first ? 0 : (size_t)(since - l->first + 1);

    buf_add_char(out, '[');
    for (size_t i = at; i < l->n; i++) {
        if (i > at)
            buf_add_str(out, ",\n");
        buf_add_str(out, l->lines[i]);
    }
    buf_add_char(out, ']');
}
