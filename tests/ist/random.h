/* SPDX-License-Identifier: MIT */
/*
 * Deep nestings by chance.
 */
#ifndef XTK_TESTS_IST_RANDOM_H
#define XTK_TESTS_IST_RANDOM_H

#include "lab.h"

/* random_run() - chains of events, chosen by the word seed= */
void random_run(const struct lab_setup *setup);

#endif
