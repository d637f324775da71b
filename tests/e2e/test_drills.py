#!/usr/bin/python3
"""AWS outage drills: the real program against the sandbox while AWS, the clock or another run does its worst.

    tests/e2e/test_drills.py [--all] [--only WORD] [--jobs N]    --all: every one; else a fast sample"""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import drill_kit  # noqa: E402
import drills_clock  # noqa: E402,F401
import drills_hours  # noqa: E402,F401
import drills_keys  # noqa: E402,F401
import drills_lease  # noqa: E402,F401
import drills_outage  # noqa: E402,F401

drill_kit.main()
