# Unit tests of smoke/, one program a module.
SMOKE_UNIT_CPPFLAGS = $(UNIT_CPPFLAGS) -I$(srcdir)/smoke
SMOKE_UNIT_LIBS = libsmoke.a libbase.a $(BASE_LIBS) $(CMOCKA_LIBS)
SMOKE_UNITS =

if UNIT
SMOKE_UNITS += tests/unit/test_suite
tests_unit_test_suite_SOURCES = tests/unit/test_suite.c
tests_unit_test_suite_CPPFLAGS = $(SMOKE_UNIT_CPPFLAGS)
tests_unit_test_suite_LDADD = $(SMOKE_UNIT_LIBS)

SMOKE_UNITS += tests/unit/test_run
tests_unit_test_run_SOURCES = tests/unit/test_run.c
tests_unit_test_run_CPPFLAGS = $(SMOKE_UNIT_CPPFLAGS)
tests_unit_test_run_LDADD = $(SMOKE_UNIT_LIBS)

SMOKE_UNITS += tests/unit/test_cookie
tests_unit_test_cookie_SOURCES = tests/unit/test_cookie.c
tests_unit_test_cookie_CPPFLAGS = $(SMOKE_UNIT_CPPFLAGS)
tests_unit_test_cookie_LDADD = $(SMOKE_UNIT_LIBS)

SMOKE_UNITS += tests/unit/test_check
tests_unit_test_check_SOURCES = tests/unit/test_check.c
tests_unit_test_check_CPPFLAGS = $(SMOKE_UNIT_CPPFLAGS)
tests_unit_test_check_LDADD = $(SMOKE_UNIT_LIBS)

SMOKE_UNITS += tests/unit/test_smoke_opts
tests_unit_test_smoke_opts_SOURCES = tests/unit/test_smoke_opts.c smoke/opts.c smoke/select.c
tests_unit_test_smoke_opts_CPPFLAGS = $(SMOKE_UNIT_CPPFLAGS)
tests_unit_test_smoke_opts_LDADD = $(SMOKE_UNIT_LIBS)

SMOKE_UNITS += tests/unit/test_pump
tests_unit_test_pump_SOURCES = tests/unit/test_pump.c
tests_unit_test_pump_CPPFLAGS = $(SMOKE_UNIT_CPPFLAGS)
tests_unit_test_pump_LDADD = $(SMOKE_UNIT_LIBS)

SMOKE_UNITS += tests/unit/test_report
tests_unit_test_report_SOURCES = tests/unit/test_report.c smoke/report.c smoke/report_text.c smoke/report_json.c smoke/report_words.c smoke/report_junit.c smoke/report_tap.c smoke/report_github.c smoke/report_html.c smoke/report_curl.c smoke/report_prometheus.c \
	smoke/report_runs.c
tests_unit_test_report_CPPFLAGS = $(SMOKE_UNIT_CPPFLAGS)
tests_unit_test_report_LDADD = libcore.a $(SMOKE_UNIT_LIBS)

SMOKE_UNITS += tests/unit/test_judge
tests_unit_test_judge_SOURCES = tests/unit/test_judge.c smoke/judge.c smoke/tally.c
tests_unit_test_judge_CPPFLAGS = $(SMOKE_UNIT_CPPFLAGS)
tests_unit_test_judge_LDADD = libcore.a $(SMOKE_UNIT_LIBS)

SMOKE_UNITS += tests/unit/test_draft
tests_unit_test_draft_SOURCES = tests/unit/test_draft.c smoke/draft.c smoke/curl_line.c smoke/curl_words.c
tests_unit_test_draft_CPPFLAGS = $(SMOKE_UNIT_CPPFLAGS)
tests_unit_test_draft_LDADD = $(SMOKE_UNIT_LIBS)

SMOKE_UNITS += tests/unit/test_sign
tests_unit_test_sign_SOURCES = tests/unit/test_sign.c
tests_unit_test_sign_CPPFLAGS = $(SMOKE_UNIT_CPPFLAGS)
tests_unit_test_sign_LDADD = $(SMOKE_UNIT_LIBS)

SMOKE_UNITS += tests/unit/test_compare
tests_unit_test_compare_SOURCES = tests/unit/test_compare.c smoke/compare_answers.c
tests_unit_test_compare_CPPFLAGS = $(SMOKE_UNIT_CPPFLAGS)
tests_unit_test_compare_LDADD = $(SMOKE_UNIT_LIBS)

SMOKE_UNITS += tests/unit/test_shape
tests_unit_test_shape_SOURCES = tests/unit/test_shape.c
tests_unit_test_shape_CPPFLAGS = $(SMOKE_UNIT_CPPFLAGS)
tests_unit_test_shape_LDADD = $(SMOKE_UNIT_LIBS)

SMOKE_UNITS += tests/unit/test_sse
tests_unit_test_sse_SOURCES = tests/unit/test_sse.c
tests_unit_test_sse_CPPFLAGS = $(SMOKE_UNIT_CPPFLAGS)
tests_unit_test_sse_LDADD = $(SMOKE_UNIT_LIBS)

SMOKE_UNITS += tests/unit/test_redirect
tests_unit_test_redirect_SOURCES = tests/unit/test_redirect.c
tests_unit_test_redirect_CPPFLAGS = $(SMOKE_UNIT_CPPFLAGS)
tests_unit_test_redirect_LDADD = $(SMOKE_UNIT_LIBS)
endif

check_PROGRAMS += $(SMOKE_UNITS)
TESTS += $(SMOKE_UNITS)
