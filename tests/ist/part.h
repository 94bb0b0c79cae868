/* SPDX-License-Identifier: MIT */
/*
 * Which cases of a test this boot runs (words shard=, from=, to=), and where it is
 * (docs/protocol.md, "The laboratory"): a host that sees a boot end in the middle goes on behind
 * that case.
 */
#ifndef XTK_TESTS_IST_PART_H
#define XTK_TESTS_IST_PART_H

#include <stdbool.h>

/* part_is_whole() - all cases are to be run */
bool part_is_whole(void);

/* part_of_shard() - whether shard= leaves the cases of the @index-th place */
bool part_of_shard(unsigned int index);

/* part_has() - whether from= and to= leave the case (@i, @j) of @pattern ("DESIGN/PATTERN/REARM");
 * in the order of the cases. part_end(): all cases of @pattern have been asked for */
bool part_has(const char *pattern, unsigned int i, unsigned int j);
void part_end(const char *pattern);

/* part_block() - the cases of the @i-th place begin. part_case() - with the word `each`, one case;
 * @third: (@i, @j), else @i alone */
void part_block(const char *pattern, unsigned int i);
void part_case(const char *pattern, unsigned int i, unsigned int j, bool third, const char *id);

#endif
