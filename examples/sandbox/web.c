#include "web.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "net.h"
#include "web_parse.h"

#define LISTENERS_MAX 64
#define ACCEPT_BATCH  64
#define READ_CHUNK    16384

enum step_kind { STEP_BYTES, STEP_DRIP, STEP_PATTERN, STEP_WAIT, STEP_END, STEP_CLOSE, STEP_RESET };

struct step {
    enum step_kind kind;
    char *data;
    size_t len, off, chunk;
    int64_t every_ms;
    uint64_t left; /* PATTERN */
    bool started;  /* WAIT, DRIP: the timer has been set once */
};

struct listener {
    struct web_server *server;
    struct loop_watch watch;
    bool tls;
    void *user;
};

struct web_conn {
    struct web_conn *prev, *next;
    struct web_server *server;
    struct listener *listener;
    struct loop_watch watch;
    struct loop_timer timer;
    struct tls_conn *tls;
    struct web_parse parse;
    struct step *steps;
    size_t n_steps, cap_steps, at;
    uint64_t id;
    int fd;
    bool busy;     /* a request is being answered */
    bool handling; /* inside the handler */
    bool released; /* the list of steps is closed */
    bool keep, head, eof, gone;
    uint32_t blocked; /* the epoll event a stalled write waits for */
};

struct web_server {
    struct loop *loop;
    const struct web_ops *ops;
    void *arg;
    struct tls_store *tls;
    struct listener listeners[LISTENERS_MAX];
    size_t n_listeners;
    struct web_conn *conns;
    uint64_t last_id;
    bool paused; /* out of descriptors */
};

static void go(struct web_conn *c);
static void on_conn(void *arg, uint32_t events);
static void on_accept(void *arg, uint32_t events);

static void clear_steps(struct web_conn *c)
{
    for (size_t i = 0; i < c->n_steps; i++)
        free(c->steps[i].data);
    c->n_steps = c->at = 0;
    c->released = false;
}

static void conn_free(void *arg)
{
    struct web_conn *c = arg;

    clear_steps(c);
    free(c->steps);
    tls_conn_free(c->tls);
    web_parse_clear(&c->parse);
    free(c);
}

static void drop(struct web_conn *c, bool reset)
{
    struct web_server *s = c->server;

    if (c->gone)
        return;
    c->gone = true;
    loop_unwatch(s->loop, &c->watch);
    loop_timer_stop(s->loop, &c->timer);
    if (reset)
        setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger));
    else if (c->tls)
        tls_conn_close(c->tls);
    close(c->fd);
    if (c->prev)
        c->prev->next = c->next;
    else
        s->conns = c->next;
    if (c->next)
        c->next->prev = c->prev;
    if (s->paused) {
        s->paused = false;
        for (size_t i = 0; i < s->n_listeners; i++)
            loop_watch(s->loop, &s->listeners[i].watch, s->listeners[i].watch.fd, EPOLLIN,
                       on_accept, &s->listeners[i]);
    }
    loop_later(s->loop, conn_free, c);
}

static struct step *add_step(struct web_conn *c, enum step_kind kind)
{
    assert(!c->released);
    if (c->n_steps == c->cap_steps) {
        c->cap_steps = c->cap_steps ? c->cap_steps * 2 : 4;
        c->steps = x_realloc(c->steps, c->cap_steps, sizeof *c->steps);
    }
    c->steps[c->n_steps] = (struct step){.kind = kind};
    return &c->steps[c->n_steps++];
}

static void release(struct web_conn *c, enum step_kind kind)
{
    add_step(c, kind);
    c->released = true;
    if (!c->handling)
        go(c);
}

void web_send(struct web_conn *c, const void *data, size_t len)
{
    struct step *s = c->n_steps && c->steps[c->n_steps - 1].kind == STEP_BYTES
                         ? &c->steps[c->n_steps - 1]
                         : add_step(c, STEP_BYTES);

    if (!len)
        return;
    s->data = x_realloc(s->data, s->len + len, 1);
    memcpy(s->data + s->len, data, len);
    s->len += len;
}

void web_send_slowly(struct web_conn *c, const void *data, size_t len, size_t chunk,
                     int64_t every_ms)
{
    struct step *s = add_step(c, STEP_DRIP);

    s->data = x_strndup(data, len);
    s->len = len;
    s->chunk = chunk ? chunk : 1;
    s->every_ms = every_ms;
}

void web_send_pattern(struct web_conn *c, const void *pattern, size_t len, uint64_t total)
{
    struct step *s = add_step(c, STEP_PATTERN);

    assert(len);
    s->data = x_strndup(pattern, len);
    s->len = len;
    s->left = total;
}

void web_wait(struct web_conn *c, int64_t ms)
{
    if (ms > 0)
        add_step(c, STEP_WAIT)->every_ms = ms;
}

void web_end(struct web_conn *c)
{
    release(c, STEP_END);
}

void web_close(struct web_conn *c)
{
    release(c, STEP_CLOSE);
}

void web_reset(struct web_conn *c)
{
    release(c, STEP_RESET);
}

static void add_date(struct web_conn *c, struct buf *out)
{
    static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    struct web_server *s = c->server;
    struct tm tm;
    time_t t;

    if (!s->ops->date_ms)
        return;
    t = (time_t)(s->ops->date_ms(s->arg) / 1000);
    gmtime_r(&t, &tm);
    buf_addf(out, "Date: %s, %02d %s %d %02d:%02d:%02d GMT\r\n", days[tm.tm_wday], tm.tm_mday,
             months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

void web_send_head(struct web_conn *c, int status, const char *headers, int64_t length)
{
    struct buf head SL_CLEANUP(buf_clear) = {0};

    buf_addf(&head, "HTTP/1.1 %d %s\r\n", status, web_reason(status));
    add_date(c, &head);
    if (headers)
        buf_add_str(&head, headers);
    if (length >= 0)
        buf_addf(&head, "Content-Length: %lld\r\n", (long long)length);
    if (!c->keep)
        buf_add_str(&head, "Connection: close\r\n");
    buf_add_str(&head, "\r\n");
    web_send(c, head.data, head.len);
}

void web_reply(struct web_conn *c, int status, const char *headers, const void *body, size_t len)
{
    bool bodiless = status == 204 || status == 304 || status < 200;

    web_send_head(c, status, headers, bodiless ? -1 : (int64_t)len);
    if (!c->head && !bodiless)
        web_send(c, body, len);
    web_end(c);
}

uint64_t web_conn_id(const struct web_conn *c)
{
    return c->id;
}

struct web_conn *web_find(struct web_server *s, uint64_t id)
{
    for (struct web_conn *c = s->conns; c; c = c->next) {
        if (c->id == id)
            return c;
    }
    return NULL;
}

/* > 0 bytes moved, 0 stalled (c->blocked says on what), < 0 broken. */
static int io_write(struct web_conn *c, const void *data, size_t len)
{
    ssize_t n;

    if (c->tls) {
        int r = tls_conn_write(c->tls, data, len);

        c->blocked = r == TLS_WANT_READ ? EPOLLIN : EPOLLOUT;
        return r > 0 ? r : r == TLS_WANT_READ || r == TLS_WANT_WRITE ? 0 : -1;
    }
    n = send(c->fd, data, len > INT32_MAX ? INT32_MAX : len, MSG_NOSIGNAL);
    c->blocked = EPOLLOUT;
    if (n >= 0)
        return (int)n;
    return errno == EAGAIN || errno == EINTR ? 0 : -1;
}

static void on_timer(void *arg)
{
    go(arg);
}

static bool do_bytes(struct web_conn *c, struct step *s)
{
    while (s->off < s->len) {
        int n = io_write(c, s->data + s->off, s->len - s->off);

        if (n < 0)
            drop(c, false);
        if (n <= 0)
            return false;
        s->off += (size_t)n;
    }
    return true;
}

static bool do_pattern(struct web_conn *c, struct step *s)
{
    while (s->left) {
        size_t want = s->len - s->off;
        int n = io_write(c, s->data + s->off, want < s->left ? want : (size_t)s->left);

        if (n < 0)
            drop(c, false);
        if (n <= 0)
            return false;
        s->left -= (uint64_t)n;
        s->off = (s->off + (size_t)n) % s->len;
    }
    return true;
}

static bool pause_for(struct web_conn *c, int64_t ms)
{
    c->blocked = 0;
    loop_timer_set(c->server->loop, &c->timer, loop_now_us() + ms * 1000, on_timer, c);
    return false;
}

static bool do_drip(struct web_conn *c, struct step *s)
{
    while (s->off < s->len) {
        size_t left = s->len - s->off;
        int n;

        if (c->timer.place)
            return false;
        n = io_write(c, s->data + s->off, left < s->chunk ? left : s->chunk);
        if (n < 0)
            drop(c, false);
        if (n <= 0)
            return false;
        s->off += (size_t)n;
        if (s->off < s->len)
            return pause_for(c, s->every_ms);
    }
    return true;
}

static bool do_wait(struct web_conn *c, struct step *s)
{
    if (s->started)
        return c->timer.place == 0;
    s->started = true;
    return pause_for(c, s->every_ms);
}

/* Runs steps until one stalls (false) or the answer is over (true). */
static bool pump(struct web_conn *c)
{
    while (!c->gone && c->at < c->n_steps) {
        struct step *s = &c->steps[c->at];
        bool done = true;

        switch (s->kind) {
        case STEP_BYTES:
            done = do_bytes(c, s);
            break;
        case STEP_DRIP:
            done = do_drip(c, s);
            break;
        case STEP_PATTERN:
            done = do_pattern(c, s);
            break;
        case STEP_WAIT:
            done = do_wait(c, s);
            break;
        case STEP_END:
            if (!c->keep || c->eof)
                drop(c, false);
            break;
        case STEP_CLOSE:
        case STEP_RESET:
            drop(c, s->kind == STEP_RESET);
            break;
        }
        if (!done)
            return false;
        c->at++;
    }
    return !c->gone;
}

static void watch(struct web_conn *c)
{
    uint32_t events = c->eof || web_parse_full(&c->parse) ? 0 : EPOLLIN;

    if (c->busy)
        events |= c->blocked;
    loop_watch(c->server->loop, &c->watch, c->fd, events, on_conn, c);
}

static void handle(struct web_conn *c)
{
    const struct web_request *rq = &c->parse.request;

    c->busy = c->handling = true;
    c->keep = c->parse.keep_alive;
    c->head = strcmp(rq->method, "HEAD") == 0;
    c->server->ops->handle(c->server->arg, c, c->listener->user, rq);
    c->handling = false;
}

/* Takes the connection as far as it goes without waiting. */
static void go(struct web_conn *c)
{
    while (!c->gone) {
        enum web_parsed got;

        if (c->busy) {
            if (!c->released || !pump(c))
                break;
            clear_steps(c);
            web_parse_next(&c->parse);
            c->busy = false;
        }
        got = web_parse_try(&c->parse, c->tls != NULL);
        if (got == WEB_CONTINUE)
            io_write(c, "HTTP/1.1 100 Continue\r\n\r\n", 25);
        if (got == WEB_MORE || got == WEB_CONTINUE) {
            if (c->eof)
                drop(c, false);
            break;
        }
        if (got == WEB_BAD) {
            c->busy = true;
            c->keep = false;
            c->handling = true;
            web_reply(c, c->parse.status, "Content-Type: text/plain\r\n", c->parse.fault,
                      strlen(c->parse.fault));
            c->handling = false;
        } else {
            handle(c);
        }
    }
    if (!c->gone)
        watch(c);
}

static void read_some(struct web_conn *c)
{
    char chunk[READ_CHUNK];

    while (!c->eof && !web_parse_full(&c->parse)) {
        ssize_t n = c->tls ? tls_conn_read(c->tls, chunk, sizeof chunk)
                           : recv(c->fd, chunk, sizeof chunk, 0);

        if (n > 0) {
            web_parse_add(&c->parse, chunk, (size_t)n, loop_now_us());
            if (!c->tls && n < READ_CHUNK)
                return;
            continue;
        }
        if (c->tls ? n == TLS_WANT_READ || n == TLS_WANT_WRITE
                   : n < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        c->eof = true;
        /* Nobody is left to hear the end of a wait; a reply on its way is still sent. */
        if (n < 0 || (c->busy && (!c->released || !c->blocked)))
            drop(c, false);
        return;
    }
}

static void on_conn(void *arg, uint32_t events)
{
    struct web_conn *c = arg;

    if ((events & (EPOLLHUP | EPOLLERR)) && (c->eof || web_parse_full(&c->parse))) {
        drop(c, false);
        return;
    }
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
        read_some(c);
    if (!c->gone)
        go(c);
}

static void accept_one(struct listener *l, int fd)
{
    struct web_server *s = l->server;
    struct web_conn *c = x_zalloc(sizeof *c);

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    c->server = s;
    c->listener = l;
    c->fd = fd;
    c->id = ++s->last_id;
    c->next = s->conns;
    if (s->conns)
        s->conns->prev = c;
    s->conns = c;
    if (l->tls) {
        enum tls_certificate which =
            s->ops->certificate ? s->ops->certificate(s->arg, l->user) : TLS_GOOD;

        c->tls = tls_conn_new(s->tls, which, fd);
        if (!c->tls) {
            drop(c, false);
            return;
        }
    }
    watch(c);
}

static void on_accept(void *arg, uint32_t events)
{
    struct listener *l = arg;

    (void)events;
    for (int i = 0; i < ACCEPT_BATCH; i++) {
        int fd = accept4(l->watch.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd >= 0) {
            accept_one(l, fd);
            continue;
        }
        if ((errno == EMFILE || errno == ENFILE) && l->server->conns) {
            struct web_server *s = l->server;

            /* Else the full queue would wake us without end; the next closed connection resumes. */
            s->paused = true;
            for (size_t k = 0; k < s->n_listeners; k++)
                loop_watch(s->loop, &s->listeners[k].watch, s->listeners[k].watch.fd, 0, on_accept,
                           &s->listeners[k]);
        }
        return;
    }
}

struct web_server *web_server_new(struct loop *l, const struct web_ops *ops, void *arg,
                                  struct tls_store *tls)
{
    struct web_server *s = x_zalloc(sizeof *s);

    s->loop = l;
    s->ops = ops;
    s->arg = arg;
    s->tls = tls;
    return s;
}

size_t web_listeners(const struct web_server *s)
{
    return s->n_listeners;
}

void web_unlisten(struct web_server *s, size_t n)
{
    while (s->n_listeners > n) {
        struct loop_watch *w = &s->listeners[--s->n_listeners].watch;
        int fd = w->fd;

        loop_unwatch(s->loop, w);
        close(fd);
    }
}

void web_server_free(struct web_server *s)
{
    if (!s)
        return;
    s->paused = false;
    while (s->conns)
        drop(s->conns, true);
    web_unlisten(s, 0);
    free(s);
}

bool web_listen(struct web_server *s, const char *address, uint16_t *port, bool tls, void *user,
                struct err *err)
{
    struct listener *l = &s->listeners[s->n_listeners];
    int fd;

    if (s->n_listeners == LISTENERS_MAX)
        return err_set(err, ERR_LIMIT, "more than %d listening addresses", LISTENERS_MAX);
    fd = net_listen(address, port, err);
    if (fd < 0)
        return false;
    *l = (struct listener){.server = s, .tls = tls, .user = user};
    loop_watch(s->loop, &l->watch, fd, EPOLLIN, on_accept, l);
    s->n_listeners++;
    return true;
}
