#include "lease.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "sluice/common.h"
#include "sluice/text.h"

#define WORD_MAX 80 /* longest "key=value" */

static const char *const state_names[] = {
    [LEASE_FORWARD] = "forward", [LEASE_REVERTING] = "reverting", [LEASE_RELEASED] = "released"};
_Static_assert(ARRAY_LEN(state_names) == LEASE_STATE_COUNT, "a name for every state");

const char *lease_state_name(enum lease_state state)
{
    assert(state < LEASE_STATE_COUNT);
    return state_names[state];
}

static bool name_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
}

static bool hex_byte(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

static bool all(const char *s, bool (*ok)(char), size_t min, size_t max)
{
    size_t n = strlen(s);

    if (n < min || n > max)
        return false;
    for (size_t i = 0; i < n; i++)
        if (!ok(s[i]))
            return false;
    return true;
}

bool lease_check(const struct lease *l)
{
    return all(l->cutover, name_byte, 1, LEASE_CUTOVER_MAX) &&
           all(l->run, name_byte, 1, LEASE_RUN_MAX) &&
           all(l->owner, hex_byte, l->state == LEASE_RELEASED ? 0 : 1, LEASE_OWNER_MAX) &&
           (l->state != LEASE_RELEASED || !l->owner[0]) &&
           all(l->plan_hash, hex_byte, 1, LEASE_HASH_MAX) &&
           all(l->nonce, hex_byte, 1, LEASE_NONCE_MAX) && l->state < LEASE_STATE_COUNT &&
           l->generation <= LEASE_GENERATION_MAX && l->expires_s >= 0 &&
           l->expires_s <= LEASE_TIME_MAX && l->not_before_s >= 0 &&
           l->not_before_s <= LEASE_TIME_MAX && l->rollback_to <= LEASE_PERCENT_MAX &&
           l->step <= LEASE_PERCENT_MAX;
}

void lease_format(const struct lease *l, char out[LEASE_VALUE_SIZE])
{
    int n;

    assert(lease_check(l));
    n = snprintf(
        out, LEASE_VALUE_SIZE,
        "\"sluice%d cutover=%s run=%s owner=%s gen=%llu state=%s exp=%lld back=%u step=%u plan=%s "
        "ttl=%u nb=%lld nonce=%s\"",
        LEASE_VERSION, l->cutover, l->run, l->owner[0] ? l->owner : "-",
        (unsigned long long)l->generation, state_names[l->state], (long long)l->expires_s,
        l->rollback_to, l->step, l->plan_hash, l->ttl_was, (long long)l->not_before_s, l->nonce);
    assert(n > 0 && n < LEASE_VALUE_SIZE);
}

/* Cuts "key=value" off *at into word; false when the next word is another. */
static bool word(const char **at, const char *key, char value[WORD_MAX])
{
    size_t k = strlen(key), n;

    if (**at != ' ' || strncmp(*at + 1, key, k) != 0 || (*at)[1 + k] != '=')
        return false;
    *at += k + 2;
    n = strcspn(*at, " ");
    if (n == 0 || n >= WORD_MAX)
        return false;
    memcpy(value, *at, n);
    value[n] = '\0';
    *at += n;
    return true;
}

static bool take_name(const char **at, const char *key, char *out, size_t max)
{
    char value[WORD_MAX];

    if (!word(at, key, value) || strlen(value) > max)
        return false;
    memcpy(out, value, strlen(value) + 1);
    return true;
}

static bool take_number(const char **at, const char *key, int64_t max, int64_t *out)
{
    struct err err = {0};
    char value[WORD_MAX];

    /* One spelling a number: no leading zeros, so that a value read is a value written. */
    return word(at, key, value) && value[0] >= '0' && value[0] <= '9' &&
           !(value[0] == '0' && value[1]) && text_parse_i64(value, 0, max, out, &err);
}

static bool take_state(const char **at, enum lease_state *out)
{
    char value[WORD_MAX];

    if (!word(at, "state", value))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(state_names); i++)
        if (strcmp(value, state_names[i]) == 0) {
            *out = (enum lease_state)i;
            return true;
        }
    return false;
}

static bool parse_words(const char *at, struct lease *l)
{
    int64_t gen, back, step, ttl;

    if (!take_name(&at, "cutover", l->cutover, LEASE_CUTOVER_MAX) ||
        !take_name(&at, "run", l->run, LEASE_RUN_MAX) ||
        !take_name(&at, "owner", l->owner, LEASE_OWNER_MAX) ||
        !take_number(&at, "gen", (int64_t)LEASE_GENERATION_MAX, &gen) ||
        !take_state(&at, &l->state) || !take_number(&at, "exp", LEASE_TIME_MAX, &l->expires_s) ||
        !take_number(&at, "back", LEASE_PERCENT_MAX, &back) ||
        !take_number(&at, "step", LEASE_PERCENT_MAX, &step) ||
        !take_name(&at, "plan", l->plan_hash, LEASE_HASH_MAX) ||
        !take_number(&at, "ttl", UINT32_MAX, &ttl) ||
        !take_number(&at, "nb", LEASE_TIME_MAX, &l->not_before_s) ||
        !take_name(&at, "nonce", l->nonce, LEASE_NONCE_MAX) || *at)
        return false;
    if (strcmp(l->owner, "-") == 0)
        l->owner[0] = '\0';
    l->generation = (uint64_t)gen;
    l->rollback_to = (uint32_t)back;
    l->step = (uint32_t)step;
    l->ttl_was = (uint32_t)ttl;
    return lease_check(l);
}

enum lease_reading lease_parse(const char *value, struct lease *out)
{
    static const char prefix[] = "\"sluice";
    struct lease l = {0};
    char text[LEASE_VALUE_SIZE];
    size_t n = strlen(value), digits;
    const char *at;

    if (strncmp(value, prefix, sizeof prefix - 1) != 0)
        return LEASE_DAMAGED;
    at = value + sizeof prefix - 1;
    digits = strspn(at, "0123456789");
    if (digits == 0 || at[digits] != ' ')
        return LEASE_DAMAGED;
    if (digits != 1 || at[0] != '0' + LEASE_VERSION)
        return LEASE_VERSION_OTHER;
    if (n > LEASE_TEXT_MAX + 2 || value[n - 1] != '"')
        return LEASE_DAMAGED;
    memcpy(text, at + digits, (size_t)(value + n - 1 - at) - digits);
    text[(size_t)(value + n - 1 - at) - digits] = '\0';
    if (!parse_words(text, &l))
        return LEASE_DAMAGED;
    *out = l;
    return LEASE_READ;
}

void lease_name_set(char *field, size_t max, const char *name)
{
    size_t n = 0;

    for (; n < max && name[n]; n++)
        field[n] = name_byte(name[n]) ? name[n] : '_';
    if (n == 0)
        field[n++] = '_';
    field[n] = '\0';
}

bool lease_eq(const struct lease *a, const struct lease *b)
{
    return a->generation == b->generation && a->state == b->state && a->expires_s == b->expires_s &&
           a->rollback_to == b->rollback_to && a->step == b->step && a->ttl_was == b->ttl_was &&
           a->not_before_s == b->not_before_s && strcmp(a->nonce, b->nonce) == 0 &&
           strcmp(a->owner, b->owner) == 0 && strcmp(a->run, b->run) == 0 &&
           strcmp(a->cutover, b->cutover) == 0 && strcmp(a->plan_hash, b->plan_hash) == 0;
}

bool lease_same_owner(const struct lease *a, const struct lease *b)
{
    return a->owner[0] && strcmp(a->owner, b->owner) == 0 && strcmp(a->run, b->run) == 0;
}

char *lease_record_name(const char *zone_name)
{
    size_t n = strlen(zone_name);
    const char *dot = n && zone_name[n - 1] == '.' ? "" : ".";
    size_t size = sizeof "_sluice." + n + 1;
    char *name = x_malloc(size);

    snprintf(name, size, "_sluice.%s%s", zone_name, dot);
    return name;
}
