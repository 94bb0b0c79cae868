# SPDX-License-Identifier: MIT
#
# From `objdump -d` of the objects on the switch path to a NASM table of every instruction in them: struct path_function of
# kernel/inject.h, one a function, and one byte a instruction: its length.
#
# A function is named by the first global symbol of its object and a distance, because most have no global name. Symbols with a
# dot are labels inside the function before them (NASM's local labels) or its parts (the compiler's clones). The compiler's pad
# behind the last instruction of a function is no boundary.

function flush_function(   i)
{
	while (n && pad[n])
		n--
	if (!n)
		return
	names[++functions] = name
	bases[functions] = base
	starts[functions] = start
	counts[functions] = n
	for (i = 1; i <= n; i++)
		lengths[functions] = lengths[functions] (i > 1 ? "," : "") size[i]
	n = 0
}

/file format/ {
	flush_function()
	base = ""
}

/^[0-9a-f]+ <.*>:$/ {
	symbol = substr($2, 2, length($2) - 3)
	if (symbol !~ /\./) {
		flush_function()
		name = symbol
		start = $1
		if (base == "") {
			base = symbol
			if (start !~ /^0+$/) {
				print "path-table: " symbol " does not begin its section" > "/dev/stderr"
				failed = 1
			}
		}
	}
}

# "  1a:\t48 89 c3             \tmov    %rax,%rbx"
/^ *[0-9a-f]+:\t/ {
	split($0, field, "\t")
	size[++n] = split(field[2], bytes, " ")
	pad[n] = field[3] ~ /^(data16 |cs )*(nop|xchg +%ax,%ax$)/
}

END {
	flush_function()
	if (failed || !functions)
		exit 1
	print "\tsection .rodata"
	print "\tglobal path_functions, path_function_count"
	for (i = 1; i <= functions; i++)
		if (!seen[bases[i]]++)
			print "\textern " bases[i]
	print "path_function_count:\n\tdq " functions
	print "path_functions:"
	for (i = 1; i <= functions; i++)
		printf "\tdq name%d, %s + 0x%s, %d, lengths%d\n", i, bases[i], starts[i], counts[i], i
	for (i = 1; i <= functions; i++) {
		printf "name%d:\n\tdb \"%s\", 0\n", i, names[i]
		printf "lengths%d:\n\tdb %s\n", i, lengths[i]
	}
}
