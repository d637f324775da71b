# Unit tests of controller/, one program a module.
CONTROLLER_CPPFLAGS = $(UNIT_CPPFLAGS) -I$(srcdir)/controller
CONTROLLER_UNITS =

if UNIT
# plan.yaml.
CONTROLLER_UNITS += tests/unit/test_cmd_check
tests_unit_test_cmd_check_SOURCES = tests/unit/test_cmd_check.c tests/unit/cases.h
tests_unit_test_cmd_check_CPPFLAGS = $(CONTROLLER_CPPFLAGS)
tests_unit_test_cmd_check_LDADD = libcontroller.a libcore.a libsmoke.a libbase.a $(BASE_LIBS) $(CMOCKA_LIBS)

CONTROLLER_UNITS += tests/unit/test_plan_file
tests_unit_test_plan_file_SOURCES = tests/unit/test_plan_file.c tests/unit/cases.h
tests_unit_test_plan_file_CPPFLAGS = $(CONTROLLER_CPPFLAGS)
tests_unit_test_plan_file_LDADD = libcontroller.a libcore.a libbase.a $(BASE_LIBS) $(CMOCKA_LIBS)

# The core. It is linked alone: whatever it needs beyond libc and libm would not link.
CONTROLLER_UNITS += tests/unit/test_weights
tests_unit_test_weights_SOURCES = tests/unit/test_weights.c
tests_unit_test_weights_CPPFLAGS = $(CONTROLLER_CPPFLAGS)
tests_unit_test_weights_LDADD = libcore.a -lm $(CMOCKA_LIBS)

CONTROLLER_UNITS += tests/unit/test_backoff
tests_unit_test_backoff_SOURCES = tests/unit/test_backoff.c
tests_unit_test_backoff_CPPFLAGS = $(CONTROLLER_CPPFLAGS)
tests_unit_test_backoff_LDADD = libcore.a -lm $(CMOCKA_LIBS)

CONTROLLER_UNITS += tests/unit/test_budget
tests_unit_test_budget_SOURCES = tests/unit/test_budget.c
tests_unit_test_budget_CPPFLAGS = $(CONTROLLER_CPPFLAGS)
tests_unit_test_budget_LDADD = libcore.a -lm $(CMOCKA_LIBS)

CONTROLLER_UNITS += tests/unit/test_ramp_walk
tests_unit_test_ramp_walk_SOURCES = tests/unit/test_ramp_walk.c tests/unit/ramp_rig.c tests/unit/ramp_rig.h
tests_unit_test_ramp_walk_CPPFLAGS = $(CONTROLLER_CPPFLAGS)
tests_unit_test_ramp_walk_LDADD = libcore.a -lm $(CMOCKA_LIBS)

CONTROLLER_UNITS += tests/unit/test_plan_core
tests_unit_test_plan_core_SOURCES = tests/unit/test_plan_core.c
tests_unit_test_plan_core_CPPFLAGS = $(CONTROLLER_CPPFLAGS)
tests_unit_test_plan_core_LDADD = libcore.a -lm $(CMOCKA_LIBS)

CONTROLLER_UNITS += tests/unit/test_ramp_back
tests_unit_test_ramp_back_SOURCES = tests/unit/test_ramp_back.c tests/unit/ramp_rig.c tests/unit/ramp_rig.h
tests_unit_test_ramp_back_CPPFLAGS = $(CONTROLLER_CPPFLAGS)
tests_unit_test_ramp_back_LDADD = libcore.a -lm $(CMOCKA_LIBS)

CONTROLLER_UNITS += tests/unit/test_ramp_evidence
tests_unit_test_ramp_evidence_SOURCES = tests/unit/test_ramp_evidence.c tests/unit/ramp_rig.c tests/unit/ramp_rig.h
tests_unit_test_ramp_evidence_CPPFLAGS = $(CONTROLLER_CPPFLAGS)
tests_unit_test_ramp_evidence_LDADD = libcore.a -lm $(CMOCKA_LIBS)

# Route 53 itself.
CONTROLLER_UNITS += tests/unit/test_route53
tests_unit_test_route53_SOURCES = tests/unit/test_route53.c
tests_unit_test_route53_CPPFLAGS = $(CONTROLLER_CPPFLAGS)
tests_unit_test_route53_LDADD = libcontroller.a libbase.a $(EXPAT_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)

CONTROLLER_UNITS += tests/unit/test_iam_policy
tests_unit_test_iam_policy_SOURCES = tests/unit/test_iam_policy.c
tests_unit_test_iam_policy_CPPFLAGS = $(CONTROLLER_CPPFLAGS)
tests_unit_test_iam_policy_LDADD = libcontroller.a libcore.a libbase.a $(EXPAT_LIBS) $(BASE_LIBS) -lm $(CMOCKA_LIBS)

CONTROLLER_UNITS += tests/unit/test_denial
tests_unit_test_denial_SOURCES = tests/unit/test_denial.c
tests_unit_test_denial_CPPFLAGS = $(CONTROLLER_CPPFLAGS)
tests_unit_test_denial_LDADD = libcontroller.a libcore.a libbase.a $(EXPAT_LIBS) $(BASE_LIBS) -lm $(CMOCKA_LIBS)

CONTROLLER_UNITS += tests/unit/test_credentials
tests_unit_test_credentials_SOURCES = tests/unit/test_credentials.c
tests_unit_test_credentials_CPPFLAGS = $(CONTROLLER_CPPFLAGS)
tests_unit_test_credentials_LDADD = libcontroller.a libbase.a $(EXPAT_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)

CONTROLLER_UNITS += tests/unit/test_credentials_chain
tests_unit_test_credentials_chain_SOURCES = tests/unit/test_credentials_chain.c tests/unit/aws_home.h
tests_unit_test_credentials_chain_CPPFLAGS = $(CONTROLLER_CPPFLAGS)
tests_unit_test_credentials_chain_LDADD = libcontroller.a libbase.a $(EXPAT_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)

CONTROLLER_UNITS += tests/unit/test_credentials_fetch
tests_unit_test_credentials_fetch_SOURCES = tests/unit/test_credentials_fetch.c tests/unit/aws_home.h
tests_unit_test_credentials_fetch_CPPFLAGS = $(CONTROLLER_CPPFLAGS)
tests_unit_test_credentials_fetch_LDADD = libcontroller.a libbase.a $(EXPAT_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)

CONTROLLER_UNITS += tests/unit/test_route53_xml
tests_unit_test_route53_xml_SOURCES = tests/unit/test_route53_xml.c
tests_unit_test_route53_xml_CPPFLAGS = $(CONTROLLER_CPPFLAGS)
tests_unit_test_route53_xml_LDADD = libcontroller.a libbase.a $(EXPAT_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)

CONTROLLER_UNITS += tests/unit/test_rrset
tests_unit_test_rrset_SOURCES = tests/unit/test_rrset.c
tests_unit_test_rrset_CPPFLAGS = $(CONTROLLER_CPPFLAGS)
tests_unit_test_rrset_LDADD = libcontroller.a libbase.a $(BASE_LIBS) $(CMOCKA_LIBS)

# How it writes to a zone.
CONTROLLER_UNITS += tests/unit/test_lease
tests_unit_test_lease_SOURCES = tests/unit/test_lease.c
tests_unit_test_lease_CPPFLAGS = $(CONTROLLER_CPPFLAGS)
tests_unit_test_lease_LDADD = libcontroller.a libbase.a $(BASE_LIBS) $(CMOCKA_LIBS)
FENCE_LIBS = libcontroller.a libcore.a libbase.a $(BASE_LIBS) $(CMOCKA_LIBS)
CONTROLLER_UNITS += tests/unit/test_edit
tests_unit_test_edit_SOURCES = tests/unit/test_edit.c
tests_unit_test_edit_CPPFLAGS = $(CONTROLLER_CPPFLAGS)
tests_unit_test_edit_LDADD = $(FENCE_LIBS)
CONTROLLER_UNITS += tests/unit/test_convert
tests_unit_test_convert_SOURCES = tests/unit/test_convert.c
tests_unit_test_convert_CPPFLAGS = $(CONTROLLER_CPPFLAGS)
tests_unit_test_convert_LDADD = $(FENCE_LIBS)
CONTROLLER_UNITS += tests/unit/test_fence_take
tests_unit_test_fence_take_SOURCES = tests/unit/test_fence_take.c tests/unit/fence_kit.h
tests_unit_test_fence_take_CPPFLAGS = $(CONTROLLER_CPPFLAGS)
tests_unit_test_fence_take_LDADD = $(FENCE_LIBS)
CONTROLLER_UNITS += tests/unit/test_fence_restart
tests_unit_test_fence_restart_SOURCES = tests/unit/test_fence_restart.c tests/unit/fence_kit.h
tests_unit_test_fence_restart_CPPFLAGS = $(CONTROLLER_CPPFLAGS)
tests_unit_test_fence_restart_LDADD = $(FENCE_LIBS)
CONTROLLER_UNITS += tests/unit/test_fence_forward
tests_unit_test_fence_forward_SOURCES = tests/unit/test_fence_forward.c tests/unit/fence_kit.h
tests_unit_test_fence_forward_CPPFLAGS = $(CONTROLLER_CPPFLAGS)
tests_unit_test_fence_forward_LDADD = $(FENCE_LIBS)
CONTROLLER_UNITS += tests/unit/test_drift
tests_unit_test_drift_SOURCES = tests/unit/test_drift.c tests/unit/fence_kit.h tests/unit/ramp_rig.c tests/unit/ramp_rig.h
tests_unit_test_drift_CPPFLAGS = $(CONTROLLER_CPPFLAGS)
tests_unit_test_drift_LDADD = $(FENCE_LIBS)
CONTROLLER_UNITS += tests/unit/test_fence_back
tests_unit_test_fence_back_SOURCES = tests/unit/test_fence_back.c tests/unit/fence_kit.h
tests_unit_test_fence_back_CPPFLAGS = $(CONTROLLER_CPPFLAGS)
tests_unit_test_fence_back_LDADD = $(FENCE_LIBS)

# What DNS answers.
CONTROLLER_UNITS += tests/unit/test_dns
tests_unit_test_dns_SOURCES = tests/unit/test_dns.c tests/unit/dns_server.h
tests_unit_test_dns_CPPFLAGS = $(CONTROLLER_CPPFLAGS)
tests_unit_test_dns_LDADD = libcontroller.a libbase.a $(LDNS_LIBS) $(BASE_LIBS) -lm $(CMOCKA_LIBS)

CONTROLLER_UNITS += tests/unit/test_observe
tests_unit_test_observe_SOURCES = tests/unit/test_observe.c tests/unit/dns_server.h
tests_unit_test_observe_CPPFLAGS = $(CONTROLLER_CPPFLAGS)
tests_unit_test_observe_LDADD = libcontroller.a libbase.a $(LDNS_LIBS) $(BASE_LIBS) -lm $(CMOCKA_LIBS)

CONTROLLER_UNITS += tests/unit/test_lookout
tests_unit_test_lookout_SOURCES = tests/unit/test_lookout.c tests/unit/dns_server.h
tests_unit_test_lookout_CPPFLAGS = $(CONTROLLER_CPPFLAGS)
tests_unit_test_lookout_LDADD = libcontroller.a libcore.a libbase.a $(LDNS_LIBS) $(BASE_LIBS) -lm $(CMOCKA_LIBS)

# The shell: journal and command line.
CONTROLLER_UNITS += tests/unit/test_journal
tests_unit_test_journal_SOURCES = tests/unit/test_journal.c
tests_unit_test_journal_CPPFLAGS = $(CONTROLLER_CPPFLAGS)
tests_unit_test_journal_LDADD = libcontroller.a libbase.a $(BASE_LIBS) $(CMOCKA_LIBS)

CONTROLLER_UNITS += tests/unit/test_opts
tests_unit_test_opts_SOURCES = tests/unit/test_opts.c
tests_unit_test_opts_CPPFLAGS = $(CONTROLLER_CPPFLAGS)
tests_unit_test_opts_LDADD = libcontroller.a libbase.a $(BASE_LIBS) $(CMOCKA_LIBS)

CONTROLLER_UNITS += tests/unit/test_survey
tests_unit_test_survey_SOURCES = tests/unit/test_survey.c
tests_unit_test_survey_CPPFLAGS = $(CONTROLLER_CPPFLAGS)
tests_unit_test_survey_LDADD = libcontroller.a libcore.a libbase.a $(BASE_LIBS) $(CMOCKA_LIBS)

CONTROLLER_UNITS += tests/unit/test_lint
tests_unit_test_lint_SOURCES = tests/unit/test_lint.c
tests_unit_test_lint_CPPFLAGS = $(CONTROLLER_CPPFLAGS)
tests_unit_test_lint_LDADD = libcontroller.a libcore.a libbase.a $(BASE_LIBS) -lm $(CMOCKA_LIBS)

CONTROLLER_UNITS += tests/unit/test_saved_plan
tests_unit_test_saved_plan_SOURCES = tests/unit/test_saved_plan.c
tests_unit_test_saved_plan_CPPFLAGS = $(CONTROLLER_CPPFLAGS)
tests_unit_test_saved_plan_LDADD = libcontroller.a libcore.a libbase.a $(BASE_LIBS) -lm $(CMOCKA_LIBS)

CONTROLLER_UNITS += tests/unit/test_control
tests_unit_test_control_SOURCES = tests/unit/test_control.c
tests_unit_test_control_CPPFLAGS = $(CONTROLLER_CPPFLAGS)
tests_unit_test_control_LDADD = libcontroller.a libbase.a $(BASE_LIBS) $(CMOCKA_LIBS)
endif

check_PROGRAMS += $(CONTROLLER_UNITS)
TESTS += $(CONTROLLER_UNITS)

EXTRA_DIST += tests/unit/core_is_pure.sh tests/unit/manpages.sh tests/unit/examples.sh tests/unit/comparison.sh
TESTS += tests/unit/core_is_pure.sh tests/unit/manpages.sh tests/unit/examples.sh tests/unit/comparison.sh
