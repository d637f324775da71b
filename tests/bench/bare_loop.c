/* bare_loop.c: the least a program can do for the same requests: libcurl's multi interface, handles
 * that are used again, status and one pattern looked at. What `smoke` is measured against; it is no
 * part of it.
 *
 *   bare_loop CAFILE CONCURRENCY 1|2 CONNECT-TO PATTERN <urls     ("-" for no CONNECT-TO)
 *
 * Prints how many were as expected; exit status 0 when all were. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <curl/curl.h>
#include <pcre2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct slot {
    CURL *easy;
    char *body;
    size_t len, cap;
};

static size_t take(char *data, size_t size, size_t n, void *at)
{
    struct slot *s = at;
    size_t len = size * n;

    if (s->len + len > s->cap) {
        s->cap = 2 * (s->len + len);
        s->body = realloc(s->body, s->cap);
        if (!s->body)
            abort();
    }
    memcpy(s->body + s->len, data, len);
    s->len += len;
    return len;
}

static char **read_urls(size_t *n)
{
    char **urls = NULL, line[4096];
    size_t cap = 0;

    *n = 0;
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = '\0';
        if (*n == cap) {
            cap = cap ? 2 * cap : 1024;
            urls = realloc(urls, cap * sizeof *urls);
        }
        urls[(*n)++] = strdup(line);
    }
    return urls;
}

static void prepare(struct slot *s, char **argv, struct curl_slist *to)
{
    s->easy = curl_easy_init();
    curl_easy_setopt(s->easy, CURLOPT_PRIVATE, s);
    curl_easy_setopt(s->easy, CURLOPT_CAINFO, argv[1]);
    curl_easy_setopt(s->easy, CURLOPT_CAPATH, NULL);
    curl_easy_setopt(s->easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(s->easy, CURLOPT_PROXY, "");
    curl_easy_setopt(s->easy, CURLOPT_USERAGENT, "smoke/0.0.0"); /* the same bytes are sent */
    curl_easy_setopt(s->easy, CURLOPT_TIMEOUT_MS, 10000L);
    curl_easy_setopt(s->easy, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(s->easy, CURLOPT_WRITEDATA, s);
    curl_easy_setopt(s->easy, CURLOPT_HTTP_VERSION,
                     argv[3][0] == '2' ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1);
    if (to)
        curl_easy_setopt(s->easy, CURLOPT_CONNECT_TO, to);
}

int main(int argc, char **argv)
{
    size_t n, next = 0, good = 0, offset;
    int code, running, left;
    char **urls = read_urls(&n);
    struct curl_slist *to = NULL;
    struct slot *slots;
    pcre2_code *re;
    pcre2_match_data *match;
    CURLM *multi;
    CURLMsg *msg;
    size_t jobs;

    if (argc != 6)
        return 64;
    jobs = (size_t)atoi(argv[2]);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    multi = curl_multi_init();
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, 4096L);
    re = pcre2_compile((PCRE2_SPTR)argv[5], PCRE2_ZERO_TERMINATED, 0, &code, &offset, NULL);
    if (!re)
        return 64;
    pcre2_jit_compile(re, PCRE2_JIT_COMPLETE);
    match = pcre2_match_data_create_from_pattern(re, NULL);
    if (strcmp(argv[4], "-") != 0)
        to = curl_slist_append(NULL, argv[4]);
    slots = calloc(jobs, sizeof *slots);
    for (size_t i = 0; i < jobs && next < n; i++) {
        prepare(&slots[i], argv, to);
        curl_easy_setopt(slots[i].easy, CURLOPT_URL, urls[next++]);
        curl_multi_add_handle(multi, slots[i].easy);
    }
    do {
        curl_multi_perform(multi, &running);
        while ((msg = curl_multi_info_read(multi, &left))) {
            CURLcode result = msg->data.result;
            CURL *easy = msg->easy_handle;
            struct slot *s = NULL;
            long status = 0;

            if (msg->msg != CURLMSG_DONE)
                continue;
            curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&s);
            curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
            good += result == CURLE_OK && status == 200 && s->len &&
                    pcre2_match(re, (PCRE2_SPTR)s->body, s->len, 0, 0, match, NULL) > 0;
            s->len = 0;
            curl_multi_remove_handle(multi, easy);
            if (next < n) {
                curl_easy_setopt(easy, CURLOPT_URL, urls[next++]);
                curl_multi_add_handle(multi, easy);
                running++;
            }
        }
        if (running)
            curl_multi_poll(multi, NULL, 0, 1000, NULL);
    } while (running);
    printf("%zu\n", good);
    return good == n ? 0 : 1;
}
