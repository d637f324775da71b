# tests/fuzz/: libFuzzer targets, built by ../configure CC=clang --enable-fuzzers.
#
# A new target: fuzz_X.c with a line "seeds: DIRECTORY..." in its opening comment, and the four lines
# below. tests/fuzz/run.sh finds it by itself.
FUZZ_LINK = $(AM_LDFLAGS) -fsanitize=fuzzer
FUZZ_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir) $(JANSSON_CFLAGS)

if FUZZERS
noinst_PROGRAMS += tests/fuzz/fuzz_doc
tests_fuzz_fuzz_doc_SOURCES = tests/fuzz/fuzz_doc.c
tests_fuzz_fuzz_doc_CPPFLAGS = $(FUZZ_CPPFLAGS)
tests_fuzz_fuzz_doc_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_doc_LDADD = libbase.a $(BASE_LIBS)

noinst_PROGRAMS += tests/fuzz/fuzz_json
tests_fuzz_fuzz_json_SOURCES = tests/fuzz/fuzz_json.c
tests_fuzz_fuzz_json_CPPFLAGS = $(FUZZ_CPPFLAGS)
tests_fuzz_fuzz_json_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_json_LDADD = libbase.a $(BASE_LIBS)

noinst_PROGRAMS += tests/fuzz/fuzz_route53_xml
tests_fuzz_fuzz_route53_xml_SOURCES = tests/fuzz/fuzz_route53_xml.c
tests_fuzz_fuzz_route53_xml_CPPFLAGS = $(FUZZ_CPPFLAGS) -I$(srcdir)/controller
tests_fuzz_fuzz_route53_xml_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_route53_xml_LDADD = libcontroller.a libbase.a $(EXPAT_LIBS) $(BASE_LIBS)

noinst_PROGRAMS += tests/fuzz/fuzz_plan
tests_fuzz_fuzz_plan_SOURCES = tests/fuzz/fuzz_plan.c
tests_fuzz_fuzz_plan_CPPFLAGS = $(FUZZ_CPPFLAGS) -I$(srcdir)/controller
tests_fuzz_fuzz_plan_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_plan_LDADD = libcontroller.a libcore.a libbase.a $(BASE_LIBS)

noinst_PROGRAMS += tests/fuzz/fuzz_journal
tests_fuzz_fuzz_journal_SOURCES = tests/fuzz/fuzz_journal.c
tests_fuzz_fuzz_journal_CPPFLAGS = $(FUZZ_CPPFLAGS) -I$(srcdir)/controller
tests_fuzz_fuzz_journal_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_journal_LDADD = libcontroller.a libbase.a $(BASE_LIBS)
noinst_PROGRAMS += tests/fuzz/fuzz_dns
tests_fuzz_fuzz_dns_SOURCES = tests/fuzz/fuzz_dns.c
tests_fuzz_fuzz_dns_CPPFLAGS = $(FUZZ_CPPFLAGS) -I$(srcdir)/controller
tests_fuzz_fuzz_dns_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_dns_LDADD = libcontroller.a libbase.a $(LDNS_LIBS) $(BASE_LIBS)

noinst_PROGRAMS += tests/fuzz/fuzz_template
tests_fuzz_fuzz_template_SOURCES = tests/fuzz/fuzz_template.c
tests_fuzz_fuzz_template_CPPFLAGS = $(FUZZ_CPPFLAGS)
tests_fuzz_fuzz_template_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_template_LDADD = libbase.a $(BASE_LIBS)

noinst_PROGRAMS += tests/fuzz/fuzz_redact
tests_fuzz_fuzz_redact_SOURCES = tests/fuzz/fuzz_redact.c
tests_fuzz_fuzz_redact_CPPFLAGS = $(FUZZ_CPPFLAGS)
tests_fuzz_fuzz_redact_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_redact_LDADD = libbase.a $(BASE_LIBS)

noinst_PROGRAMS += tests/fuzz/fuzz_suite
tests_fuzz_fuzz_suite_SOURCES = tests/fuzz/fuzz_suite.c
tests_fuzz_fuzz_suite_CPPFLAGS = $(FUZZ_CPPFLAGS) -I$(srcdir)/smoke
tests_fuzz_fuzz_suite_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_suite_LDADD = libsmoke.a libbase.a $(BASE_LIBS)

noinst_PROGRAMS += tests/fuzz/fuzz_lease
tests_fuzz_fuzz_lease_SOURCES = tests/fuzz/fuzz_lease.c
tests_fuzz_fuzz_lease_CPPFLAGS = $(FUZZ_CPPFLAGS) -I$(srcdir)/controller
tests_fuzz_fuzz_lease_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_lease_LDADD = libcontroller.a libcore.a libbase.a $(BASE_LIBS)

noinst_PROGRAMS += tests/fuzz/fuzz_fence
tests_fuzz_fuzz_fence_SOURCES = tests/fuzz/fuzz_fence.c
tests_fuzz_fuzz_fence_CPPFLAGS = $(FUZZ_CPPFLAGS) -I$(srcdir)/controller
tests_fuzz_fuzz_fence_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_fence_LDADD = libcontroller.a libcore.a libbase.a $(BASE_LIBS)

noinst_PROGRAMS += tests/fuzz/fuzz_sse
tests_fuzz_fuzz_sse_SOURCES = tests/fuzz/fuzz_sse.c
tests_fuzz_fuzz_sse_CPPFLAGS = $(FUZZ_CPPFLAGS) -I$(srcdir)/smoke
tests_fuzz_fuzz_sse_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_sse_LDADD = libsmoke.a libbase.a $(BASE_LIBS)

noinst_PROGRAMS += tests/fuzz/fuzz_answer
tests_fuzz_fuzz_answer_SOURCES = tests/fuzz/fuzz_answer.c smoke/compare_answers.c
tests_fuzz_fuzz_answer_CPPFLAGS = $(FUZZ_CPPFLAGS) -I$(srcdir)/smoke
tests_fuzz_fuzz_answer_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_answer_LDADD = libsmoke.a libbase.a $(BASE_LIBS)

noinst_PROGRAMS += tests/fuzz/fuzz_import
tests_fuzz_fuzz_import_SOURCES = tests/fuzz/fuzz_import.c smoke/curl_line.c smoke/curl_words.c smoke/draft.c
tests_fuzz_fuzz_import_CPPFLAGS = $(FUZZ_CPPFLAGS) -I$(srcdir)/smoke
tests_fuzz_fuzz_import_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_import_LDADD = libsmoke.a libbase.a $(BASE_LIBS)

noinst_PROGRAMS += tests/fuzz/fuzz_words
tests_fuzz_fuzz_words_SOURCES = tests/fuzz/fuzz_words.c smoke/report_words.c
tests_fuzz_fuzz_words_CPPFLAGS = $(FUZZ_CPPFLAGS) -I$(srcdir)/smoke
tests_fuzz_fuzz_words_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_words_LDADD = libsmoke.a libbase.a $(BASE_LIBS)
endif

EXTRA_DIST += tests/fuzz/run.sh
