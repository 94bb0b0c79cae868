# SPDX-License-Identifier: MIT
#
# The verdict of one serial log, as docs/protocol.md says; xtklib/ktap.py is its twin in Python, and
# tests/host feeds both the same logs. Prints "STATUS REASON" with run-qemu.sh's exit statuses.
#
# usage: LC_ALL=C tr '\0' '?' <LOG | cut -b -65537 | awk -v timeout=0|1 -f tools/verdict.awk
#
# Only what is seen counts: a pass needs one boot, one header, a plan, every result in order, and a
# last line that is the last, is alone, and agrees with all of it. All else is a crash.

function crash(reason) {
	if (crashed == "")
		crashed = reason
}

# A result at the top level: in order, and no better than its own subtests.
function result(line, ok,    word) {
	split(line, word, " ")
	if (word[ok ? 2 : 3] + 0 != ++results)
		crash("result " results " is missing or out of order")
	if (ok && line ~ / # ERROR( |$)/)
		crash("result " results " is ok and an error")
	if (ok && subtest_failed)
		crash("result " results " is ok, a subtest of it is not")
	subtest_failed = 0
	count[!ok && line ~ / # ERROR( |$)/ ? "errors" : !ok ? "failed" : \
	    line ~ / # SKIP( |$)/ ? "skipped" : "passed"]++
}

function last_line(line,    word) {
	split(line, word, " ")
	ended = 1
	if (!headers)
		crash("no header line")
	if (plan == "" || plan != results + 0)
		crash("the plan is " (plan == "" ? "missing" : plan) ", results are " results + 0)
	if (word[2] != count["passed"] + 0 || word[4] != count["failed"] + 0 ||
	  word[6] != count["errors"] + 0 || word[8] != count["skipped"] + 0)
		crash("the last line's counts are not those of the results")
}

length($0) > 65536 { crash("a line of more than 65536 bytes"); next }
{ sub(/\r+$/, "") }
/^[ \t]*$/ { next }
ended || usage { crash("text after the last line") }
/^xtk: usage: / { usage = 1; next }
/^xtk: [0-9]+ passed, [0-9]+ failed, [0-9]+ errors, [0-9]+ skipped$/ { last_line($0); next }
/^xtk: / { crash("malformed last line"); next }
/^([^ #].*)?KTAP version 1$/ {
	if (begun++)
		crash("a second boot")
	next
}
/^# panic/ { crash("panic"); next }
!begun && (/^# xtk [0-9]/ || /^1\.\.[0-9]+$/ || /^(not )?ok [0-9]+( |$)/) {
	crash("a run without its beginning")
}
/^# test: / { listed = 1; next }
/^# xtk [0-9]/ {
	if (headers++)
		crash("a second boot")
	next
}
/^1\.\.[0-9]+$/ {
	if (plan != "" || results)
		crash("a second plan, or one after results")
	plan = substr($0, 4) + 0
	next
}
/^ok [0-9]+( |$)/ { result($0, 1); next }
/^not ok [0-9]+( |$)/ { result($0, 0); next }
/^ +not ok / { subtest_failed = 1 }

END {
	if (crashed == "" && !ended && !usage && !timeout)
		crash("no last line")
	if (crashed != "")
		print 3, "crash: " crashed
	else if (timeout)
		print 4, "timeout"
	else if (usage)
		print 2, "usage error in the guest"
	else if (count["errors"])
		print 5, "error: " count["errors"] " of " results " tests"
	else if (count["failed"])
		print 1, "failed: " count["failed"] " of " results " tests"
	else if (!count["passed"] && !(listed && plan == 0))
		print 5, "error: no check was executed"
	else
		print 0, "passed"
}
