/* SPDX-License-Identifier: MIT */
/*
 * The memory of a save: what is in it before, and the judgement of every byte of it afterwards.
 */
#ifndef XTK_RULES_SAVE_AREA_H
#define XTK_RULES_SAVE_AREA_H

#include "save.h"

/* area_choose() - the place of the area in the arena, at random; Return: false after an error of
 * the test: no area of @s->xcr0 fits */
bool area_choose(struct save *s);

/* area_span() - bytes that are watched: every layout of the components, and some behind it */
uint32_t area_span(const struct save *s);

/* area_fill() - what the area holds before the save. Return: its XSTATE_BV */
uint64_t area_fill(const struct save *s, enum save_old old);

/* area_judge() - compare all bytes but XSTATE_BV, which is @bv and has been judged. Return: false
 * after a failed check */
bool area_judge(const struct save *s, uint64_t bv);

/* area_unwritten() - of the components @mask, those whose bytes are all as before */
uint64_t area_unwritten(const struct save *s, uint64_t mask);

#endif
