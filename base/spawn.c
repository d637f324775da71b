#include "sluice/spawn.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sluice/clock.h"
#include "sluice/file.h"

#define DEADLINE_MS_DEFAULT 30000
#define INPUT_MAX           ((size_t)16 * 1024 * 1024)
#define READS_A_STEP        64 /* a child that floods us gets its turn again at the next step */
#define POLL_MS             20 /* how often a child is asked for without a pidfd */
#define REAP_MS             50
#define LOOK_MS             20 /* how often to look where there is no pidfd (old kernels, some containers) */

/* What any program may need to find its files and speak the user's language. */
static const char *const usual_pass[] = {
    "PATH", "HOME", "USER",   "LOGNAME", "SHELL", "LANG", "LANGUAGE",
    "LC_*", "TZ",   "TMPDIR", "TERM",    "XDG_*", NULL,
};

struct spawn {
    pid_t pid;
    int pidfd, out, errors; /* -1: closed */
    int64_t stepped_ms;     /* last spawn_step(), boottime */
    size_t max;
    int64_t deadline_ms, looked_ms;
    bool killed, over;
    struct spawn_result result;
};

static bool name_matches(const char *entry, const char *pattern)
{
    size_t len = strlen(pattern);

    if (len && pattern[len - 1] == '*')
        return strncmp(entry, pattern, len - 1) == 0;
    return strncmp(entry, pattern, len) == 0 && entry[len] == '=';
}

static bool is_passed(const char *entry, const char *const *patterns)
{
    for (; patterns && *patterns; patterns++)
        if (name_matches(entry, *patterns))
            return true;
    return false;
}

/* The strings are borrowed; the caller frees the array. */
static char **make_env(const struct spawn_request *q)
{
    size_t n = 0, used = 0, i;
    char **env;

    while (environ && environ[n])
        n++;
    for (i = 0; q->env && q->env[i]; i++)
        n++;
    env = x_calloc(n + 1, sizeof *env);
    for (i = 0; environ && environ[i]; i++)
        if (is_passed(environ[i], usual_pass) || is_passed(environ[i], q->pass))
            env[used++] = environ[i];
    for (i = 0; q->env && q->env[i]; i++)
        env[used++] = (char *)(uintptr_t)q->env[i]; /* posix_spawn's type; it does not write */
    return env;
}

/* A file in memory needs no writing side: no pipe to fill, no SIGPIPE. */
static int make_input(const struct spawn_request *q, struct err *err)
{
    const char *p = q->input;
    size_t left = q->input_len;
    int fd;

    if (!q->input)
        fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    else
        fd = memfd_create("input", MFD_CLOEXEC);
    while (fd >= 0 && q->input && left) {
        ssize_t n = write(fd, p, left);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            goto failed;
        p += n;
        left -= (size_t)n;
    }
    if (fd >= 0 && (!q->input || lseek(fd, 0, SEEK_SET) == 0))
        return fd;
failed:
    err_set(err, ERR_IO, "standard input for %s: %s", q->argv[0], strerror(errno));
    file_close(&fd);
    return -1;
}

static int exec_child(const struct spawn_request *q, int in, int out, int errors, pid_t *pid)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    sigset_t none, all;
    char **env = make_env(q);
    int code;

    sigemptyset(&none);
    sigfillset(&all);
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_adddup2(&files, in, 0);
    posix_spawn_file_actions_adddup2(&files, out, 1);
    posix_spawn_file_actions_adddup2(&files, errors, 2);
    posix_spawn_file_actions_addclosefrom_np(&files, 3);
    posix_spawnattr_init(&attr);
    posix_spawnattr_setpgroup(&attr, 0);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setsigdefault(&attr, &all);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
                                        POSIX_SPAWN_SETSIGDEF);
    code = posix_spawnp(pid, q->argv[0], &files, &attr, (char *const *)(uintptr_t)q->argv, env);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&files);
    free(env);
    return code;
}

static bool make_pipe(int fds[2])
{
    return pipe2(fds, O_CLOEXEC) == 0 && fcntl(fds[0], F_SETFL, O_NONBLOCK) == 0;
}

static bool launch(struct spawn *s, const struct spawn_request *q, struct err *err)
{
    int out[2] = {-1, -1}, errors[2] = {-1, -1}, in = make_input(q, err), code = 0;

    if (in < 0)
        return false;
    if (!make_pipe(out) || !make_pipe(errors))
        code = errno;
    if (!code)
        code = exec_child(q, in, out[1], errors[1], &s->pid);
    file_close(&in);
    file_close(&out[1]);
    file_close(&errors[1]);
    s->out = out[0];
    s->errors = errors[0];
    if (code)
        return err_set(err, ERR_IO, "cannot run %s: %s", q->argv[0], strerror(code));
    s->pidfd = pidfd_open(s->pid, 0); /* -1: we look every LOOK_MS */
    return true;
}

struct spawn *spawn_start(const struct spawn_request *q, int64_t now_ms, struct err *err)
{
    struct spawn *s = x_zalloc(sizeof *s);

    assert(q->argv && q->argv[0]);
    assert(q->input_len <= INPUT_MAX);
    s->pidfd = s->out = s->errors = -1;
    s->stepped_ms = now_ms;
    s->max = q->output_max ? q->output_max : SPAWN_OUTPUT_MAX;
    buf_init(&s->result.out, s->max + 1);
    buf_init(&s->result.errors, s->max + 1);
    s->looked_ms = now_ms;
    s->deadline_ms = now_ms + (q->deadline_ms ? q->deadline_ms : DEADLINE_MS_DEFAULT);
    if (launch(s, q, err))
        return s;
    spawn_free(s);
    return NULL;
}

size_t spawn_fds(const struct spawn *s, struct pollfd *fds)
{
    const int all[] = {s->out, s->errors, s->pidfd};
    size_t i, n = 0;

    for (i = 0; i < ARRAY_LEN(all); i++)
        if (all[i] >= 0)
            fds[n++] = (struct pollfd){.fd = all[i], .events = POLLIN};
    return n;
}

int64_t spawn_wake_at(const struct spawn *s)
{
    int64_t at = s->killed ? INT64_MAX : s->deadline_ms;

    if (s->over)
        return INT64_MAX;
    if (s->pidfd < 0 && s->looked_ms + LOOK_MS < at)
        at = s->looked_ms + LOOK_MS;
    return at;
}

static void drain(int *fd, struct buf *to, size_t max, bool *cut)
{
    char block[4096];
    int i;

    for (i = 0; *fd >= 0 && i < READS_A_STEP; i++) {
        ssize_t n = read(*fd, block, sizeof block);
        size_t room = max - to->len;

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            break;
        if (n <= 0) {
            file_close(fd);
            *fd = -1;
            break;
        }
        *cut = *cut || (size_t)n > room;
        buf_add(to, block, (size_t)n < room ? (size_t)n : room);
    }
    explicit_bzero(block, sizeof block); /* a secret's command writes here */
}

static void take_status(struct spawn *s, int status)
{
    if (s->killed)
        s->result.outcome = SPAWN_DEADLINE;
    else
        s->result.outcome = WIFSIGNALED(status) ? SPAWN_SIGNALLED : SPAWN_EXITED;
    s->result.code = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
    s->pid = 0;
    s->over = true;
    /* A grandchild may hold the pipes open for ever: what is there now is all. */
    file_close(&s->out);
    file_close(&s->errors);
    file_close(&s->pidfd);
    s->out = s->errors = s->pidfd = -1;
}

bool spawn_step(struct spawn *s, int64_t now_ms)
{
    int status;
    pid_t gone;

    if (s->over)
        return true;
    s->stepped_ms = now_ms;
    gone = waitpid(s->pid, &status, WNOHANG); /* before reading, so that its last words are read */
    drain(&s->out, &s->result.out, s->max, &s->result.out_cut);
    drain(&s->errors, &s->result.errors, s->max, &s->result.errors_cut);
    if (gone == s->pid) {
        take_status(s, status);
        return true;
    }
    if (now_ms >= s->deadline_ms && !s->killed) {
        kill(-s->pid, SIGKILL);
        kill(s->pid, SIGKILL); /* should it have left its group */
        s->killed = true;
    }
    return false;
}

const struct spawn_result *spawn_result(const struct spawn *s)
{
    return &s->result;
}

void spawn_free(struct spawn *s)
{
    if (!s)
        return;
    if (s->pid) {
        struct pollfd end = {.fd = s->pidfd, .events = POLLIN};

        kill(-s->pid, SIGKILL);
        kill(s->pid, SIGKILL);
        /* It dies at once unless a disk holds it; then it stays a zombie until we end. */
        poll(&end, s->pidfd >= 0, REAP_MS);
        waitpid(s->pid, NULL, WNOHANG);
    }
    file_close(&s->out);
    file_close(&s->errors);
    file_close(&s->pidfd);
    spawn_result_clear(&s->result);
    free(s);
}

bool spawn_run(const struct spawn_request *q, struct spawn_result *result, struct err *err)
{
    int64_t now = clock_boot_ms(&clock_real);
    struct spawn *s = spawn_start(q, now, err);

    memset(result, 0, sizeof *result);
    if (!s)
        return false;
    while (!spawn_step(s, now)) {
        struct pollfd fds[SPAWN_FDS_MAX];
        size_t n = spawn_fds(s, fds);
        int64_t at = spawn_wake_at(s);
        int64_t wait = at == INT64_MAX ? REAP_MS : at - now;

        poll(fds, (nfds_t)n, clock_poll_ms(wait));
        now = clock_boot_ms(&clock_real);
    }
    *result = s->result;
    memset(&s->result, 0, sizeof s->result);
    spawn_free(s);
    return true;
}

void spawn_result_clear(struct spawn_result *r)
{
    buf_wipe(&r->out);
    buf_wipe(&r->errors);
    memset(r, 0, sizeof *r);
}

void spawn_result_format(const struct spawn_result *r, struct buf *out)
{
    switch (r->outcome) {
    case SPAWN_EXITED:
        buf_addf(out, "exited with %d", r->code);
        break;
    case SPAWN_SIGNALLED:
        buf_addf(out, "was killed by signal %d (%s)", r->code, strsignal(r->code));
        break;
    case SPAWN_DEADLINE:
        buf_add_str(out, "took too long and was killed");
        break;
    }
}
