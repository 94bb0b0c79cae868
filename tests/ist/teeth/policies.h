/* SPDX-License-Identifier: MIT */
#ifndef XTK_TESTS_IST_TEETH_POLICIES_H
#define XTK_TESTS_IST_TEETH_POLICIES_H

#include <xtk/ist_state.h>

extern const struct ist_state_policy policy_per_cpu, policy_thread, policy_fxsave, policy_nothing,
	policy_misaligned, policy_cr2_late, policy_stale;

#endif
