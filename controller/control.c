#include "control.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "sluice/clock.h"
#include "sluice/file.h"

#define NAME_MAX_BYTES 200

struct client {
    int fd; /* -1: free */
    char word[CONTROL_WORD_MAX + 1];
    size_t len;
    int64_t since_ms; /* 0: not yet seen by control_step() */
    bool whole;
};

struct control {
    int dirfd, fd;
    char name[NAME_MAX_BYTES];
    struct client clients[CONTROL_CLIENTS_MAX];
    struct client *asking; /* whose request control_next() gave */
};

/* The socket's path through the directory's descriptor: nobody can swap the directory under us, and
 * a long path fits into sun_path. */
static bool address(int dirfd, const char *cutover, struct sockaddr_un *out,
                    char name[NAME_MAX_BYTES], struct err *err)
{
    *out = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (snprintf(name, NAME_MAX_BYTES, "%s.sock", cutover) >= NAME_MAX_BYTES ||
        snprintf(out->sun_path, sizeof out->sun_path, "/proc/self/fd/%d/%s", dirfd, name) >=
            (int)sizeof out->sun_path)
        return err_set(err, ERR_IO, "the name of the cutover is too long for a socket");
    return true;
}

struct control *control_new(int dirfd, const char *cutover, struct err *err)
{
    struct control *c = x_zalloc(sizeof *c);
    struct sockaddr_un to;

    c->dirfd = dirfd;
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
        c->clients[i].fd = -1;
    c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (!address(dirfd, cutover, &to, c->name, err))
        goto fail;
    unlinkat(dirfd, c->name, 0);
    if (c->fd < 0 || bind(c->fd, (const struct sockaddr *)&to, sizeof to) < 0 ||
        listen(c->fd, CONTROL_CLIENTS_MAX) < 0) {
        err_set(err, ERR_IO, "cannot listen on %s: %s", c->name, strerror(errno));
        goto fail;
    }
    return c;
fail:
    file_close(&c->fd);
    free(c);
    return NULL;
}

static void drop(struct client *client)
{
    file_close(&client->fd);
    *client = (struct client){.fd = -1};
}

void control_free(struct control *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
        drop(&c->clients[i]);
    file_close(&c->fd);
    unlinkat(c->dirfd, c->name, 0);
    free(c);
}

size_t control_fds(const struct control *c, struct pollfd *fds)
{
    size_t n = 0, used = 0;

    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
        if (c->clients[i].fd >= 0) {
            used++;
            if (!c->clients[i].whole)
                fds[n++] = (struct pollfd){.fd = c->clients[i].fd, .events = POLLIN};
        }
    if (used < CONTROL_CLIENTS_MAX)
        fds[n++] = (struct pollfd){.fd = c->fd, .events = POLLIN};
    return n;
}

static void accept_all(struct control *c)
{
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        int fd;

        if (c->clients[i].fd >= 0)
            continue;
        fd = accept4(c->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0)
            return;
        c->clients[i] = (struct client){.fd = fd};
    }
}

static void read_some(struct client *client)
{
    ssize_t n = read(client->fd, client->word + client->len, CONTROL_WORD_MAX - client->len);
    char *newline;

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        drop(client);
        return;
    }
    client->len += (size_t)n;
    client->word[client->len] = '\0';
    newline = memchr(client->word, '\n', client->len);
    if (newline) {
        *newline = '\0';
        client->whole = true;
    } else if (client->len == CONTROL_WORD_MAX) {
        drop(client);
    }
}

void control_step(struct control *c, int64_t now_ms)
{
    accept_all(c);
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        struct client *client = &c->clients[i];

        if (client->fd < 0 || client->whole)
            continue;
        if (!client->since_ms)
            client->since_ms = now_ms;
        read_some(client);
        if (client->fd >= 0 && !client->whole && now_ms - client->since_ms > CONTROL_IDLE_MS)
            drop(client);
    }
}

const char *control_next(struct control *c)
{
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
        if (c->clients[i].fd >= 0 && c->clients[i].whole) {
            c->asking = &c->clients[i];
            return c->asking->word;
        }
    return NULL;
}

void control_answer(struct control *c, const char *text)
{
    struct buf line SL_CLEANUP(buf_clear) = {0};
    ssize_t n;

    buf_addf(&line, "%s\n", text);
    n = send(c->asking->fd, line.data, line.len, MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)n; /* who does not listen to the answer does not get it */
    drop(c->asking);
    c->asking = NULL;
}

static bool wait_for(int fd, short events, int64_t until)
{
    for (;;) {
        int64_t left = until - clock_boot_ms(&clock_real);
        struct pollfd p = {.fd = fd, .events = events};
        int n = poll(&p, 1, clock_poll_ms(left));

        if (n < 0 && errno == EINTR)
            continue;
        return n > 0;
    }
}

bool control_ask(int dirfd, const char *cutover, const char *word, int64_t wait_ms,
                 struct buf *answer, struct err *err)
{
    int fd SL_CLEANUP(file_close) = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int64_t until = clock_boot_ms(&clock_real) + wait_ms;
    char name[NAME_MAX_BYTES], line[CONTROL_WORD_MAX + 2];
    struct sockaddr_un to;
    int len;

    if (!address(dirfd, cutover, &to, name, err))
        return false;
    if (fd < 0 || connect(fd, (const struct sockaddr *)&to, sizeof to) < 0)
        return err_set(err, ERR_REFUSED, "no ramp of '%s' is running here", cutover);
    len = snprintf(line, sizeof line, "%s\n", word);
    if (send(fd, line, (size_t)len, MSG_NOSIGNAL) != len)
        return err_set(err, ERR_REFUSED, "the running ramp does not listen");
    for (;;) {
        char chunk[512];
        ssize_t n;

        if (!wait_for(fd, POLLIN, until))
            return err_set(err, ERR_TIMEOUT, "the running ramp does not answer");
        n = read(fd, chunk, sizeof chunk);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        buf_add(answer, chunk, (size_t)n);
    }
    if (!answer->len)
        return err_set(err, ERR_REFUSED, "the running ramp gave no answer");
    if (answer->data[answer->len - 1] == '\n')
        buf_cut(answer, answer->len - 1);
    return true;
}
