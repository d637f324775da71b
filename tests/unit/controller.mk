# tests/unit/controller.mk
