#include "aws_ini.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "sluice/arena.h"
#include "sluice/buf.h"
#include "sluice/common.h"
#include "sluice/file.h"

struct reader {
    struct aws_ini *ini;
    struct arena *mem;
    struct pos pos; /* of the line */
    struct aws_ini_section *section, **next_section;
    struct aws_ini_key *key, **next_key; /* the last key that was not nested */
    size_t indent;                       /* of that key */
    size_t n_sections, n_keys;
    struct err *err;
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static bool fail_at(const struct reader *r, size_t col, const char *what)
{
    struct pos pos = r->pos;

    pos.col = (uint32_t)col + 1;
    return err_at(r->err, ERR_FILE, pos, "%s", what);
}

/* `profile "my shop"` and `profile   shop` both become "profile NAME". */
static const char *section_name(struct arena *mem, const char *s, size_t len)
{
    size_t word = 0, at;

    while (word < len && !is_blank(s[word]))
        word++;
    at = word;
    while (at < len && is_blank(s[at]))
        at++;
    if (len - at >= 2 && (s[at] == '"' || s[at] == '\'') && s[len - 1] == s[at])
        return arena_printf(mem, "%.*s %.*s", (int)word, s, (int)(len - at - 2), s + at + 1);
    if (at == len)
        return arena_strndup(mem, s, word);
    return arena_printf(mem, "%.*s %.*s", (int)word, s, (int)(len - at), s + at);
}

static bool read_section(struct reader *r, const char *line, size_t at, size_t len)
{
    struct aws_ini_section *section;
    const char *close = memchr(line + at, ']', len - at);
    size_t from = at + 1, to;

    if (!close)
        return fail_at(r, len, "a section needs a closing ]");
    for (to = (size_t)(close - line) + 1; to < len; to++)
        if (line[to] == '#' || line[to] == ';')
            break;
        else if (!is_blank(line[to]))
            return fail_at(r, to, "nothing may follow a section's ]");
    to = (size_t)(close - line);
    while (from < to && is_blank(line[from]))
        from++;
    while (to > from && is_blank(line[to - 1]))
        to--;
    if (from == to)
        return fail_at(r, at, "a section without a name");
    if (++r->n_sections > AWS_INI_SECTIONS_MAX)
        return fail_at(r, at, "too many sections");
    section = arena_alloc(r->mem, sizeof *section);
    section->name = section_name(r->mem, line + from, to - from);
    section->pos = r->pos;
    section->pos.col = (uint32_t)at + 1;
    if (aws_ini_find(r->ini, NULL, section->name))
        return err_at(r->err, ERR_FILE, section->pos, "section [%s] is there twice", section->name);
    *r->next_section = section;
    r->next_section = (struct aws_ini_section **)&section->next;
    r->section = section;
    r->next_key = (struct aws_ini_key **)&section->keys;
    r->key = NULL;
    r->n_keys = 0;
    return true;
}

static char *lower(char *s)
{
    for (char *p = s; *p; p++)
        if (*p >= 'A' && *p <= 'Z')
            *p = (char)(*p + 32);
    return s;
}

static bool read_key(struct reader *r, const char *line, size_t at, size_t len)
{
    bool nested = r->key && at > r->indent;
    size_t equals = at, name_end, value_at;
    struct aws_ini_key *key;
    char *name;

    if (!r->section)
        return fail_at(r, at, "a key before the first [section]");
    while (equals < len && line[equals] != '=' && line[equals] != ':')
        equals++;
    if (equals == len)
        return fail_at(r, at, "neither a [section] nor a key = value");
    for (name_end = equals; name_end > at && is_blank(line[name_end - 1]);)
        name_end--;
    if (name_end == at)
        return fail_at(r, at, "a key without a name");
    for (value_at = equals + 1; value_at < len && is_blank(line[value_at]);)
        value_at++;
    if (nested && *r->key->value)
        return fail_at(r, at, "an indented line below a key that has a value");
    if (++r->n_keys > AWS_INI_KEYS_MAX)
        return fail_at(r, at, "too many keys in one section");
    name = lower(arena_strndup(r->mem, line + at, name_end - at));
    if (nested)
        name = arena_printf(r->mem, "%s.%s", r->key->name, name);
    if (aws_ini_get(r->section, name))
        return err_at(r->err, ERR_FILE, (struct pos){r->pos.file, r->pos.line, (uint32_t)at + 1},
                      "%s is there twice in this section", name);
    key = arena_alloc(r->mem, sizeof *key);
    key->name = name;
    key->value = arena_strndup(r->mem, line + value_at, len - value_at);
    key->pos = (struct pos){r->pos.file, r->pos.line, (uint32_t)value_at + 1};
    *r->next_key = key;
    r->next_key = (struct aws_ini_key **)&key->next;
    if (!nested) {
        r->key = key;
        r->indent = at;
    }
    return true;
}

static bool read_line(struct reader *r, const char *line, size_t len)
{
    size_t at = 0;

    while (len && is_blank(line[len - 1]))
        len--;
    while (at < len && is_blank(line[at]))
        at++;
    if (at == len || line[at] == '#' || line[at] == ';')
        return true;
    if (line[at] == '[')
        return read_section(r, line, at, len);
    return read_key(r, line, at, len);
}

bool aws_ini_load(struct aws_ini *ini, struct arena *mem, const char *path, struct err *err)
{
    struct buf text = {.max = AWS_INI_BYTES_MAX};
    struct reader r = {.ini = ini,
                       .mem = mem,
                       .err = err,
                       .next_section = (struct aws_ini_section **)&ini->sections};
    const char *line, *end;
    bool ok;

    *ini = (struct aws_ini){0};
    if (access(path, F_OK) < 0 && (errno == ENOENT || errno == ENOTDIR))
        return true;
    ok = file_read(&text, path, AWS_INI_BYTES_MAX, err);
    r.pos.file = arena_strdup(mem, path);
    line = buf_str(&text);
    end = line + text.len;
    if (ok && strlen(line) != text.len)
        ok = err_set(err, ERR_FILE, "%s holds a NUL byte", path);
    while (ok && line < end) {
        const char *nl = memchr(line, '\n', (size_t)(end - line));
        size_t len = (size_t)((nl ? nl : end) - line);

        r.pos.line++;
        ok = read_line(&r, line, len);
        line += len + 1;
    }
    buf_wipe(&text); /* it holds keys */
    return ok;
}

const struct aws_ini_section *aws_ini_find(const struct aws_ini *ini, const char *kind,
                                           const char *name)
{
    size_t skip = kind ? strlen(kind) : 0;

    for (const struct aws_ini_section *s = ini->sections; s; s = s->next) {
        if (!kind && strcmp(s->name, name) == 0)
            return s;
        if (kind && strncmp(s->name, kind, skip) == 0 && s->name[skip] == ' ' &&
            strcmp(s->name + skip + 1, name) == 0)
            return s;
    }
    return NULL;
}

const struct aws_ini_key *aws_ini_get(const struct aws_ini_section *section, const char *name)
{
    for (const struct aws_ini_key *k = section ? section->keys : NULL; k; k = k->next)
        if (strcmp(k->name, name) == 0)
            return k;
    return NULL;
}
