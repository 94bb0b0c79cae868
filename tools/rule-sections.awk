# SPDX-License-Identifier: MIT
#
# docs/rules.md -> C: for each letter the manual sections that stand under its heading, so that a
# failed check can name them.

/^## [A-Z]\. / { letter = substr($2, 1, 1); next }
/^- `/ { letter = "" }
letter != "" && NF {
	gsub(/"/, "\x27")
	gsub(/—/, "-")
	text[letter] = text[letter] (text[letter] == "" ? "" : " ") $0
}

END {
	print "extern const char *const rule_sections[26];"
	print "const char *const rule_sections[26] = {"
	for (letter in text)
		printf "\t[\x27%s\x27 - \x27A\x27] = \"%s\",\n", letter, text[letter] | "sort"
	close("sort")
	print "};"
}
