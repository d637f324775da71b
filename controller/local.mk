# controller/: see docs/ARCHITECTURE.md

# The core: decides, opens nothing; needs libc and libm only (tests/unit/core_is_pure.sh holds it to that).
noinst_LIBRARIES += libcore.a
libcore_a_CPPFLAGS = $(AM_CPPFLAGS)
libcore_a_SOURCES = \
	controller/plan.c controller/plan_figures.c controller/plan.h \
	controller/weights.c controller/weights.h \
	smoke/budget.c include/sluice/budget.h \
	controller/backoff.c controller/backoff.h \
	controller/ramp.c controller/ramp_start.c controller/ramp_walk.c controller/ramp_rest.c \
	controller/ramp_back.c controller/ramp_evidence.c \
	controller/ramp_names.c controller/ramp_inside.h controller/ramp.h

# The shell around it. One block an area, so that two areas do not meet in one line.
noinst_LIBRARIES += libcontroller.a
libcontroller_a_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/controller $(JANSSON_CFLAGS) $(EXPAT_CFLAGS) $(LDNS_CFLAGS)
libcontroller_a_SOURCES = \
	controller/router.h \
	controller/rrset.c controller/rrset.h

# plan.yaml: controller/plan_file.h.
libcontroller_a_SOURCES += \
	controller/plan_file.c controller/plan_file.h \
	controller/plan_schema.c controller/plan_schema.h \
	controller/cmd_check.c

# Route 53 itself: controller/route53.h.
libcontroller_a_SOURCES += \
	controller/aws_config.c controller/aws_config.h \
	controller/aws_ini.c controller/aws_ini.h \
	controller/credentials.c controller/credentials.h \
	controller/credentials_inner.h controller/credentials_fetch.c \
	controller/credentials_conceal.c controller/credentials_env.c \
	controller/credentials_files.c controller/credentials_login.c \
	controller/credentials_json.c controller/credentials_process.c \
	controller/credentials_container.c controller/credentials_metadata.c \
	controller/credentials_role.c controller/credentials_mfa.c \
	controller/credentials_web_identity.c controller/credentials_sso.c \
	controller/credentials_sts.c controller/credentials_sts.h \
	controller/credentials_keep.c controller/credentials_keep.h \
	controller/sts_xml.c controller/sts_xml.h \
	controller/xml_reader.c controller/xml_reader.h \
	controller/route53.c controller/route53.h \
	controller/route53_judge.c controller/route53_wait.c \
	controller/denial.c controller/denial.h \
	controller/iam_policy.c controller/iam_policy.h \
	controller/router_route53.c controller/router_route53.h \
	controller/route53_batch.c controller/route53_batch.h \
	controller/route53_xml.c controller/route53_xml.h

# How it writes to a zone: controller/fence.h.
libcontroller_a_SOURCES += \
	controller/lease.c controller/lease.h \
	controller/edit.c controller/edit_take.c controller/edit.h controller/edit_inner.h controller/desk.c controller/desk.h \
	controller/conversion.c controller/conversion.h controller/stop.c controller/stop.h \
	controller/cmd_prepare.c controller/cmd_finish.c \
	controller/convert.c controller/convert_diff.c controller/convert_kept.c controller/convert_try.c controller/convert.h controller/rrset_json.c controller/rrset_json.h \
	controller/fence.c controller/fence.h controller/fence_int.h \
	controller/fence_record.c controller/fence_batch.c controller/fence_read.c \
	controller/fence_take.c controller/fence_forward.c controller/fence_sync.c \
	controller/fence_back.c controller/fence_mend.c controller/fence_leave.c controller/fence_save.c controller/fence_look.c \
	controller/fence_ramp.c controller/fence_ramp.h \
	controller/router_memory.c controller/router_memory.h \
	controller/memory_zone.c controller/memory_zone.h controller/memory_list.c \
	controller/memory_client.c controller/memory_inner.h

# What DNS answers: controller/observe.h.
libcontroller_a_SOURCES += \
	controller/dns.c controller/dns.h \
	controller/dns_client.c controller/dns_client.h \
	controller/observe.c controller/observe_run.c controller/observe.h \
	controller/resolvers.c controller/resolvers.h \
	controller/lookout.c controller/lookout_int.h controller/lookout_report.c controller/lookout_text.c controller/lookout.h \
	controller/screen.c controller/screen.h

# The program sluice: its command line, its journal, its loop.
libcontroller_a_SOURCES += \
	controller/opts.c controller/opts.h \
	controller/journal.c controller/journal.h \
	controller/journal_file.c controller/journal_file.h \
	controller/ramp_state.c controller/ramp_state.h \
	controller/survey.c controller/survey.h controller/survey_cli.c \
	controller/survey_names.c controller/survey_names.h \
	controller/health.c controller/health.h \
	controller/preview.c controller/preview_text.c controller/preview.h \
	controller/saved_plan.c controller/saved_plan.h \
	controller/lint.c controller/lint.h controller/lint_int.h controller/lint_zone.c controller/lint_owner.c \
	controller/lint_health.c controller/lint_plan.c controller/lint_tls.c controller/handshake.c controller/handshake.h \
	controller/sounding.c controller/sounding.h controller/crossing.c controller/crossing.h controller/lint_read.c controller/lint_read.h \
	controller/endpoints.c controller/endpoints.h \
	controller/control.c controller/control.h \
	controller/notify.c controller/notify.h \
	controller/view.c controller/view.h \
	controller/rig.c controller/rig.h \
	controller/rig_dns.c \
	controller/verify.c controller/verify.h \
	controller/walk.c controller/walk.h \
	controller/cmd_observe.c controller/cmd_iam_policy.c controller/cmd_plan.c controller/cmd_ramp.c controller/cmd_rollback.c \
	controller/drive.c controller/drive.h controller/drive_inner.h \
	controller/drive_act.c controller/drive_probe.c controller/drive_keys.c controller/drive_say.c \
	controller/command.h \
	controller/cmd_status.c

bin_PROGRAMS += sluice
sluice_SOURCES = controller/main.c
sluice_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/controller $(JANSSON_CFLAGS)
sluice_LDADD = libcontroller.a libsmoke.a libcore.a libbase.a $(EXPAT_LIBS) $(LDNS_LIBS) $(BASE_LIBS)
