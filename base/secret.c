#include "secret_internal.h"

#include <assert.h>
#include <string.h>
#include <sys/prctl.h>

#include "sluice/file.h"
#include "sluice/spawn.h"
#include "sluice/text.h"

#define COMPLAINT_MAX 200 /* of a command's standard error, in a message */

/* What the usual password managers and cloud command lines need to know who they are. */
static const char *const command_pass[] = {
    "OP_*",
    "VAULT_*",
    "BW_*",
    "BWS_*",
    "AWS_*",
    "AZURE_*",
    "GOOGLE_*",
    "CLOUDSDK_*",
    "GNUPGHOME",
    "GPG_TTY",
    "PASSWORD_STORE_*",
    "SOPS_*",
    "SSH_AUTH_SOCK",
    "DBUS_SESSION_BUS_ADDRESS",
    "DISPLAY",
    "WAYLAND_DISPLAY",
    "CREDENTIALS_DIRECTORY",
    NULL,
};

static const struct secret_set *sink_set;

struct secret_set *secret_new(void)
{
    return x_zalloc(sizeof(struct secret_set));
}

static void wipe_text(char *s)
{
    if (s)
        explicit_bzero(s, strlen(s));
    free(s);
}

static void item_clear(struct secret *s)
{
    size_t i;

    if (s->value)
        explicit_bzero(s->value, s->len);
    free(s->value);
    free(s->name);
    for (i = 0; i < SECRET_CORES; i++)
        wipe_text(s->core[i]);
    memset(s, 0, sizeof *s);
}

void secret_free(struct secret_set *set)
{
    size_t i;

    if (!set)
        return;
    if (sink_set == set)
        sink_set = NULL;
    for (i = 0; i < set->n; i++)
        item_clear(&set->item[i]);
    free(set);
}

static struct secret *find(const struct secret_set *set, const char *name)
{
    size_t i;

    for (i = 0; i < set->n; i++)
        if (!set->item[i].tainted && !set->item[i].former && !strcmp(set->item[i].name, name))
            return (struct secret *)(uintptr_t)&set->item[i];
    return NULL;
}

/* Room for one more: the oldest derived value gives way, then the oldest replaced one. */
static bool make_room(struct secret_set *set)
{
    size_t i;

    if (set->n < SECRETS_MAX)
        return true;
    for (i = 0; i < set->n && !set->item[i].tainted; i++)
        ;
    if (i == set->n)
        for (i = 0; i < set->n && !set->item[i].former; i++)
            ;
    if (i == set->n)
        return false;
    item_clear(&set->item[i]);
    memmove(&set->item[i], &set->item[i + 1], (set->n - i - 1) * sizeof set->item[0]);
    set->n--;
    memset(&set->item[set->n], 0, sizeof set->item[0]);
    return true;
}

static bool keep(struct secret_set *set, const char *name, const void *value, size_t len,
                 bool tainted)
{
    struct secret *s;

    if (!make_room(set))
        return false;
    s = &set->item[set->n++];
    s->name = x_strdup(name);
    s->value = x_strndup(value, len);
    s->len = len;
    s->tainted = tainted;
    secret_prepare(set, s);
    return true;
}

/* What was sent escaped comes back escaped once more: a server quotes a JSON body in its JSON
 * answer, or encodes a query again. One layer the redactor undoes by itself; these are the other.
 */
static void taint_escaped(struct secret_set *set, const char *name, const void *value, size_t len)
{
    struct buf form SL_CLEANUP(buf_wipe) = {0};
    const char *s = value;

    for (size_t i = 0; i < len; i++) { /* RFC 8259 section 7 */
        static const char letters[] = "\"\\\b\f\n\r\t", meant[] = "\"\\bfnrt";
        const char *at = s[i] ? strchr(letters, s[i]) : NULL;

        if (at)
            buf_addf(&form, "\\%c", meant[at - letters]);
        else if ((unsigned char)s[i] < 0x20)
            buf_addf(&form, "\\u%04x", (unsigned)s[i]);
        else
            buf_add_char(&form, s[i]);
    }
    if (form.len != len && set->n + 2 < SECRETS_MAX)
        secret_taint(set, name, form.data, form.len);
    buf_wipe(&form);
    text_add_percent(&form, value, len, "");
    if (form.len != len && set->n + 2 < SECRETS_MAX)
        secret_taint(set, name, form.data, form.len);
}

bool secret_add(struct secret_set *set, const char *name, const void *value, size_t len,
                struct err *err)
{
    struct secret *old = find(set, name);

    if (len == 0)
        return err_set(err, ERR_FILE, "secret %s is empty", name);
    if (len < SECRET_BYTES_MIN)
        return err_set(err, ERR_FILE,
                       "secret %s has %zu bytes; less than %d cannot be kept out of the output",
                       name, len, SECRET_BYTES_MIN);
    if (len > SECRET_BYTES_MAX)
        return err_set(err, ERR_FILE, "secret %s has more than %zu bytes", name, SECRET_BYTES_MAX);
    if (old && old->len == len && !memcmp(old->value, value, len))
        return true;
    if (old)
        old->former = true;
    if (!keep(set, name, value, len, false))
        return err_set(err, ERR_LIMIT, "more than %d secrets", SECRETS_MAX);
    taint_escaped(set, name, value, len);
    return true;
}

void secret_taint(struct secret_set *set, const char *name, const void *value, size_t len)
{
    size_t i;
    bool kept;

    if (len < SECRET_BYTES_MIN || len > SECRET_BYTES_MAX)
        return;
    for (i = 0; i < set->n; i++)
        if (set->item[i].len == len && !memcmp(set->item[i].value, value, len))
            return;
    kept = keep(set, name, value, len, true);
    assert(kept); /* secret_load() leaves room, and replaced values give way */
    (void)kept;
}

const char *secret_get(const struct secret_set *set, const char *name, size_t *len)
{
    const struct secret *s = set ? find(set, name) : NULL;

    if (len)
        *len = s ? s->len : 0;
    return s ? s->value : NULL;
}

static void strip_newline(struct buf *b)
{
    if (b->len && b->data[b->len - 1] == '\n')
        buf_cut(b, b->len - 1);
}

static bool read_env(const struct secret_spec *spec, struct buf *out, struct err *err)
{
    const char *value = getenv(spec->from);

    if (!value)
        return err_set(err, ERR_FILE, "environment variable %s is not set", spec->from);
    buf_add_str(out, value);
    return true;
}

static bool read_file(const struct secret_spec *spec, struct buf *out, struct err *err)
{
    if (!file_read(out, spec->from, SECRET_BYTES_MAX + 1, err))
        return false;
    strip_newline(out);
    return true;
}

static bool read_credential(const struct secret_spec *spec, struct buf *out, struct err *err)
{
    const char *dir = getenv("CREDENTIALS_DIRECTORY");
    struct buf path SL_CLEANUP(buf_clear) = {0};

    if (!dir)
        return err_set(err, ERR_FILE,
                       "$CREDENTIALS_DIRECTORY is not set; systemd sets it for a unit with "
                       "LoadCredential=%s:...",
                       spec->from);
    if (strchr(spec->from, '/') || spec->from[0] == '.' || !spec->from[0])
        return err_set(err, ERR_FILE, "\"%s\" is no name of a credential", spec->from);
    buf_addf(&path, "%s/%s", dir, spec->from);
    if (!file_read(out, buf_str(&path), SECRET_BYTES_MAX + 1, err))
        return false;
    strip_newline(out);
    return true;
}

static bool read_command(const struct secret_spec *spec, struct buf *out, struct err *err)
{
    struct spawn_request q = {.argv = spec->argv,
                              .pass = command_pass,
                              .output_max = SECRET_BYTES_MAX + 1,
                              .deadline_ms = SECRET_COMMAND_MS};
    struct spawn_result r SL_CLEANUP(spawn_result_clear) = {0};
    struct buf how SL_CLEANUP(buf_clear) = {0};

    if (!spawn_run(&q, &r, err))
        return false;
    if (r.outcome != SPAWN_EXITED || r.code != 0) {
        spawn_result_format(&r, &how);
        return err_set(err, ERR_FILE, "%s %s: %.*s", spec->argv[0], buf_str(&how),
                       (int)strnlen(buf_str(&r.errors), COMPLAINT_MAX), buf_str(&r.errors));
    }
    if (r.out_cut)
        return err_set(err, ERR_FILE, "%s wrote more than %zu bytes", spec->argv[0],
                       SECRET_BYTES_MAX);
    buf_add(out, r.out.data, r.out.len);
    strip_newline(out);
    return true;
}

static bool (*const readers[])(const struct secret_spec *, struct buf *, struct err *) = {
    [SECRET_ENV] = read_env,
    [SECRET_FILE] = read_file,
    [SECRET_CREDENTIAL] = read_credential,
    [SECRET_COMMAND] = read_command,
};

static bool load_one(struct secret_set *set, const struct secret_spec *spec, struct err *err)
{
    struct buf value SL_CLEANUP(buf_wipe) = {0};
    struct err why = {0};

    assert((size_t)spec->source < ARRAY_LEN(readers));
    buf_init(&value, SECRET_BYTES_MAX + 8192);
    if (readers[spec->source](spec, &value, &why)) {
        if (secret_add(set, spec->name, value.data, value.len, &why))
            return true;
    } else {
        err_prefix(&why, "secret %s: ", spec->name);
    }
    return spec->pos.line ? err_at(err, ERR_FILE, spec->pos, "%s", why.text)
                          : err_set(err, ERR_FILE, "%s", why.text);
}

bool secret_load(struct secret_set *set, const struct secret_spec *specs, size_t n, struct err *err)
{
    size_t i;

    if (n > SECRETS_MAX / 2) /* the other half is for what is derived from them */
        return err_set(err, ERR_LIMIT, "%zu secrets; at most %d are taken", n, SECRETS_MAX / 2);
    for (i = 0; i < n; i++) {
        assert(!find(set, specs[i].name));
        if (!load_one(set, &specs[i], err))
            return false;
    }
    return true;
}

void secret_set_sink(const struct secret_set *set)
{
    sink_set = set;
}

void secret_redact_sink(struct buf *text)
{
    secret_redact(sink_set, text);
}

void secret_forbid_dumps(void)
{
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}
