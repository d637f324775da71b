# smoke/: the checks, and the program smoke that runs them.
noinst_LIBRARIES += libsmoke.a
SMOKE_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/smoke $(JANSSON_CFLAGS)
libsmoke_a_CPPFLAGS = $(SMOKE_CPPFLAGS)
libsmoke_a_SOURCES = \
	smoke/suite.c include/sluice/suite.h \
	smoke/suite_file.c smoke/suite_file.h \
	smoke/suite_file_expect.c \
	smoke/suite_file_request.c \
	smoke/suite_file_talk.c \
	smoke/suite_file_more.c smoke/suite_more.c smoke/check_more.c \
	smoke/suite_talk.c \
	smoke/suite_use.c \
	smoke/suite_test.c \
	smoke/suite_step.c \
	smoke/shape.c smoke/shape.h smoke/suite_shape.c \
	smoke/suite_request.c smoke/suite_transport.c \
	smoke/scope.c smoke/scope.h \
	smoke/sign.c smoke/sign.h \
	smoke/cookie.c smoke/cookie.h \
	smoke/request.c smoke/request.h smoke/request_show.c \
	smoke/request_aws.c smoke/request_aws.h \
	smoke/oauth.c smoke/oauth.h \
	smoke/talk_forge.c smoke/redirect.c smoke/redirect.h \
	smoke/sse.c smoke/sse.h smoke/stream.c smoke/mcp.c smoke/websocket.c \
	smoke/answer.c smoke/answer.h \
	smoke/finding.h \
	smoke/predicate.c smoke/predicate.h \
	smoke/capture.c smoke/capture.h \
	smoke/check.c smoke/check.h \
	smoke/talk.c smoke/talk.h \
	smoke/run.c include/sluice/run.h \
	smoke/pump.c include/sluice/pump.h smoke/pump_internal.h \
	smoke/pump_lend.c smoke/pump_result.c smoke/csv.c smoke/csv.h smoke/matrix.c smoke/suite_needs.c smoke/suite_include.c \
	smoke/pump_strata.c smoke/pump_origins.c smoke/names.c smoke/names.h

bin_PROGRAMS += smoke/smoke
smoke_smoke_CPPFLAGS = $(SMOKE_CPPFLAGS)
smoke_smoke_SOURCES = \
	smoke/main.c \
	smoke/opts.c smoke/opts.h \
	smoke/select.c smoke/select.h \
	smoke/cmd.h smoke/cmd_check.c smoke/cmd_init.c smoke/cmd_import.c \
	smoke/draft.c smoke/draft.h smoke/curl_line.c smoke/curl_words.c smoke/curl_line.h \
	smoke/session.c smoke/session.h \
	smoke/listing.c smoke/listing.h \
	smoke/loop.c smoke/loop.h \
	smoke/sweep.c smoke/sweep.h \
	smoke/compare.c smoke/compare.h smoke/compare_answers.c smoke/compare_answers.h \
	smoke/watch.c smoke/watch.h \
	smoke/warmup.c smoke/warmup.h \
	smoke/judge.c smoke/judge.h \
	smoke/tally.c smoke/tally.h \
	smoke/report_runs.c smoke/report_runs.h \
	smoke/outlet.c smoke/outlet.h \
	smoke/progress.c smoke/progress.h \
	smoke/report.c smoke/report.h \
	smoke/report_words.c smoke/report_words.h smoke/report_junit.c smoke/report_tap.c \
	smoke/report_github.c smoke/report_html.c smoke/report_curl.c smoke/report_prometheus.c \
	smoke/report_text.c smoke/report_json.c
smoke_smoke_LDADD = libsmoke.a libcore.a libbase.a $(BASE_LIBS)
