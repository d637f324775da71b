/* A code of a person's MFA device. Asked before a run only: in the loop nobody is waited for. */
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "credentials_inner.h"

#define ANSWER_MAX 64

/* A line from the terminal that is not shown on it. What was typed ahead counts. */
static bool read_hidden(const char *serial, char *answer, int size)
{
    struct termios before, quiet;
    bool hide = tcgetattr(STDIN_FILENO, &before) == 0, ok;

    if (hide) {
        quiet = before;
        quiet.c_lflag &= ~(tcflag_t)ECHO;
        tcsetattr(STDIN_FILENO, TCSADRAIN, &quiet);
    }
    fprintf(stderr, "Code of the MFA device %s: ", serial);
    fflush(stderr);
    ok = fgets(answer, size, stdin) != NULL;
    if (hide)
        tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
    fputc('\n', stderr);
    return ok;
}

bool credentials_ask_mfa(const char *serial, char code[8], struct err *err)
{
    char answer[ANSWER_MAX] = "";
    size_t len;

    if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
        return err_set(
            err, ERR_REFUSED,
            "it needs a code of the MFA device %s, and there is no terminal to ask at: start "
            "at one, or hand over keys in the environment",
            serial);
    if (!read_hidden(serial, answer, sizeof answer))
        answer[0] = '\0';
    len = strcspn(answer, "\r\n");
    answer[len] = '\0';
    if (len != 6 || strspn(answer, "0123456789") != len)
        return err_set(err, ERR_REFUSED, "a code of the MFA device %s has six digits", serial);
    memcpy(code, answer, len + 1);
    return true;
}
