/* aws_home.h: for tests of what is read from the AWS environment: no AWS_* variable, an empty home
 * directory, no instance metadata; files when a test puts them. */
#ifndef SLUICE_TESTS_AWS_HOME_H
#define SLUICE_TESTS_AWS_HOME_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sluice/common.h"
#include "sluice/file.h"
#include "test.h"

static char aws_home[] = "/tmp/sluice-aws-XXXXXX";
static const char *const aws_home_files[] = {".aws/config", ".aws/credentials", ".aws/other",
                                             "helper"};

static int aws_home_set_up(void **state)
{
    char path[128];

    (void)state;
    for (char **e = environ; *e;) {
        char name[64];

        snprintf(name, sizeof name, "%.*s", (int)strcspn(*e, "="), *e);
        if (strncmp(name, "AWS_", 4) == 0)
            unsetenv(name); /* the next one is at this place now */
        else
            e++;
    }
    setenv("AWS_EC2_METADATA_DISABLED", "true", 1);
    setenv("HOME", aws_home, 1);
    for (size_t i = 0; i < ARRAY_LEN(aws_home_files); i++) {
        snprintf(path, sizeof path, "%s/%s", aws_home, aws_home_files[i]);
        unlink(path);
    }
    return 0;
}

/* A file below ~/.aws: "config", "credentials", "other". */
static void aws_home_put_file(const char *name, const char *text)
{
    char path[128];
    struct err err = {0};

    snprintf(path, sizeof path, "%s/.aws/%s", aws_home, name);
    if (!file_write(path, text, strlen(text), &err))
        fail_msg("%s", err.text);
}

static inline void aws_home_put(const char *text)
{
    aws_home_put_file("config", text);
}

/* The tests of a program, in such a directory, which is removed after them. */
static int aws_home_run(const char *name, const struct CMUnitTest *tests, size_t n)
{
    char path[128];
    int failed;

    if (!mkdtemp(aws_home))
        return 99;
    snprintf(path, sizeof path, "%s/.aws", aws_home);
    if (mkdir(path, 0700) < 0)
        return 99;
    failed = _cmocka_run_group_tests(name, tests, n, NULL, NULL);
    aws_home_set_up(NULL);
    snprintf(path, sizeof path, "%s/.aws", aws_home);
    rmdir(path);
    rmdir(aws_home);
    return failed;
}

#endif
