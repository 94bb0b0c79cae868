/* SPDX-License-Identifier: MIT */
/*
 * The faults of the model, one each: X(name, rule, cpu, what is broken). The rule is the one that
 * an emulator's author should read when it happens; cpu is the CPU of machine.c that can show it,
 * "" the default one. To add a fault is to add a row here and one `if (broken(name))` in the model.
 *
 * tests/host/mutants.py reads the rows.
 */
#ifndef MODEL_FAULTS_H
#define MODEL_FAULTS_H

/* clang-format off */
#define MODEL_FAULTS(X) \
	/* G: gating, encodings, privilege */ \
	X(xsave_ignores_osxsave, G03, "", "XSAVE runs with CR4.OSXSAVE = 0") \
	X(xsaveopt_ignores_osxsave, G03, "", "XSAVEOPT runs with CR4.OSXSAVE = 0") \
	X(xsaves_ignores_osxsave, G03, "", "XSAVES runs with CR4.OSXSAVE = 0") \
	X(xrstor_ignores_osxsave, G03, "", "XRSTOR runs with CR4.OSXSAVE = 0") \
	X(xgetbv_ignores_osxsave, G03, "", "XGETBV runs with CR4.OSXSAVE = 0") \
	X(xsetbv_ignores_osxsave, G03, "", "XSETBV runs with CR4.OSXSAVE = 0") \
	X(osxsave_checked_in_user_only, G03, "", "CR4.OSXSAVE counts at CPL 3 only") \
	X(cpuid_osxsave_stuck, G02, "", "CPUID.1:ECX[27] stays 1 with CR4.OSXSAVE = 0") \
	X(osxsave_off_resets_xcr0, G13, "", "clearing CR4.OSXSAVE sets XCR0 to 1") \
	X(xsaveopt_unenumerated, G04, "sse", "XSAVEOPT runs where CPUID lacks it") \
	X(xsavec_unenumerated, G04, "tcg", "XSAVEC runs where CPUID lacks it") \
	X(xsaves_unenumerated, G04, "compact", "XSAVES and XRSTORS run where CPUID lacks them") \
	X(xgetbv1_unenumerated, G04, "sse", "XGETBV takes ECX = 1 where CPUID lacks it") \
	X(xsave_ignores_ts, G05, "", "XSAVE runs with CR0.TS = 1") \
	X(xsavec_ignores_ts, G05, "", "XSAVEC runs with CR0.TS = 1") \
	X(xrstor_ignores_ts, G05, "", "XRSTOR runs with CR0.TS = 1") \
	X(xrstors_ignores_ts, G05, "", "XRSTORS runs with CR0.TS = 1") \
	X(ts_gates_xgetbv, G05, "", "XGETBV raises #NM with CR0.TS = 1") \
	X(ts_gates_xsetbv, G05, "", "XSETBV raises #NM with CR0.TS = 1") \
	X(em_gates_xsave, G06, "", "the XSAVE set raises #NM with CR0.EM = 1") \
	X(fxsave_ignores_em, G06, "", "FXSAVE and FXRSTOR run with CR0.EM = 1") \
	X(fxsave_ignores_ts, G05, "", "FXSAVE and FXRSTOR run with CR0.TS = 1") \
	X(lock_xsave_runs, G07, "", "LOCK XSAVE is XSAVE") \
	X(osize_xsave_runs, G07, "", "66H XSAVE is XSAVE") \
	X(rep_xsavec_runs, G07, "", "F2H or F3H XSAVEC is XSAVEC") \
	X(xsave_register_form_runs, G08, "", "0F AE /4 with a register operand is a NOP") \
	X(xsavec_register_form_runs, G08, "", "0F C7 /4 with a register operand is a NOP") \
	X(xsaves_at_cpl3, G09, "", "XSAVES runs at CPL 3") \
	X(xrstors_at_cpl3, G09, "", "XRSTORS runs at CPL 3") \
	X(gp_before_nm, G10, "", "misalignment is looked at before CR0.TS") \
	X(nm_before_ud, G10, "", "CR0.TS is looked at before LOCK and CR4.OSXSAVE") \
	X(xgetbv_needs_cpl0, G11, "", "XGETBV raises #GP at CPL 3") \
	X(xsetbv_same_at_cpl3, G11, "", "XSETBV runs at CPL 3 if the value is the one there is") \
	X(xsetbv_in_v86, G12, "", "XSETBV runs in virtual-8086 mode") \
	X(vex_ignores_osxsave, G14, "", "VEX, EVEX and AMX run with CR4.OSXSAVE = 0") \
	X(vex_ignores_ts, G05, "", "VEX and EVEX run with CR0.TS = 1") \
	X(xgetbv_64_bit_index, G15, "", "XGETBV looks at RCX[63:32]") \
	X(xsetbv_64_bit_index, G15, "", "XSETBV looks at RCX[63:32]") \
	X(xsetbv_64_bit_rax, G15, "", "XSETBV looks at RAX[63:32]") \
	X(xgetbv_any_index, G16, "", "XGETBV takes every ECX from 2 on as 0") \
	/* X: XCR0 */ \
	X(xcr0_x87_optional, X02, "", "XCR0 takes bit 0 = 0") \
	X(xcr0_avx_without_sse, X03, "", "XCR0 takes AVX without SSE") \
	X(xcr0_hi16_alone, X04, "", "XCR0 does not look at Hi16_ZMM with opmask") \
	X(xcr0_avx512_only_with_avx_checked, X04, "", "XCR0 takes a part of AVX-512") \
	X(xcr0_avx512_without_avx, X05, "", "XCR0 takes AVX-512 without AVX") \
	X(xcr0_half_mpx, X06, "", "XCR0 takes BNDREGS without BNDCSR") \
	X(xcr0_half_amx, X07, "", "XCR0 takes XTILECFG without XTILEDATA") \
	X(xcr0_amx_needs_avx512, X07, "", "XCR0 refuses AMX without AVX-512") \
	X(xcr0_pkru_needs_avx, X08, "", "XCR0 refuses PKRU without AVX") \
	X(xcr0_sse_required, X08, "", "XCR0 refuses a value without SSE") \
	X(xcr0_apx_with_mpx, X09, "apx", "XCR0 takes APX with MPX") \
	X(xcr0_unsupported_accepted, X10, "", "XCR0 takes bits that CPUID lacks") \
	X(xcr0_supervisor_accepted, X10, "", "XCR0 takes supervisor components") \
	X(xcr0_high_dword_unchecked, X10, "", "XCR0 takes anything in EDX") \
	X(xcr0_takes_apx_unsupported, X10, "", "XCR0 takes APX where CPUID lacks it") \
	X(xsetbv_any_index, X11, "", "XSETBV takes every ECX") \
	X(xsetbv_at_cpl3, X12, "", "XSETBV runs at CPL 3") \
	X(refused_xsetbv_writes, X13, "", "a refused XSETBV writes XCR0 all the same") \
	X(xsetbv_only_sets, X14, "", "XSETBV clears no bit") \
	X(xsetbv_adds_sse, X14, "", "XSETBV sets SSE whether asked or not") \
	X(xsetbv_ignores_edx, X10, "", "XSETBV looks at EAX alone") \
	X(xsetbv_takes_prefix, X16, "", "XSETBV takes LOCK, 66H, F2H and F3H") \
	X(xsetbv_clears_ymm, X17, "", "clearing XCR0[2] loses YMM_Hi128") \
	X(xsetbv_clears_opmask, X17, "", "clearing XCR0[5] loses the mask registers") \
	X(evex_needs_avx_alone, X18, "", "EVEX does not look at XCR0[7:5]") \
	X(vex_general_needs_osxsave, X18, "", "ANDN needs XCR0[2]") \
	X(mpx_ignores_xcr0, X18, "", "MPX executes with XCR0[4:3] = 0") \
	X(sse_needs_xcr0, X18, "", "SSE instructions raise #UD with XCR0[1] = 0") \
	X(amx_ignores_xcr0, T12, "", "AMX runs with XCR0[18:17] = 0") \
	/* S: IA32_XSS and XFD */ \
	X(xss_takes_anything, S01, "", "IA32_XSS takes every bit") \
	X(xss_refuses_cet_s_alone, S01, "", "IA32_XSS refuses CET_S without CET_U") \
	X(xss_unenumerated, S03, "compact", "IA32_XSS is there without XSAVES") \
	X(xss_takes_user_bits, S04, "", "IA32_XSS takes user components") \
	X(xss_readable_at_cpl3, S05, "", "RDMSR of IA32_XSS runs at CPL 3") \
	X(cpuid_d1_ebx_ignores_xss, S06, "", "CPUID.(0DH,1):EBX does not follow IA32_XSS") \
	X(xfd_takes_tilecfg, S07, "", "IA32_XFD takes bit 17") \
	X(xfd_takes_anything, S07, "", "IA32_XFD takes every bit") \
	X(xfd_unenumerated, G04, "zen4", "IA32_XFD is there without CPUID.(0DH,1):EAX[4]") \
	/* C: CPUID */ \
	X(cpuid_d0_lacks_sse, C01, "", "CPUID.(0DH,0):EAX[1] is 0") \
	X(cpuid_d0_ebx_constant, C02, "", "CPUID.(0DH,0):EBX does not follow XCR0") \
	X(cpuid_d0_ebx_no_header, C02, "", \
	  "CPUID.(0DH,0):EBX is 512 without an extended component") \
	X(cpuid_d0_ecx_tracks, C03, "", "CPUID.(0DH,0):ECX follows XCR0") \
	X(cpuid_d1_ebx_standard, C05, "", "CPUID.(0DH,1):EBX is the size of the standard format") \
	X(cpuid_subleaf_no_supervisor, C06, "", "ECX[0] of supervisor components is 0") \
	X(cpuid_subleaf_no_align, C06, "", "ECX[1] of XTILECFG and XTILEDATA is 0") \
	X(cpuid_subleaf_edx, C06, "", "EDX of a component is 1") \
	X(cpuid_subleaf_supervisor_offset, C06, "", "EBX of supervisor components is not 0") \
	X(cpuid_subleaf_unsupported, C07, "", \
	  "CPUID describes component 20, which it does not offer") \
	X(cpuid_supervisor_in_d0, C08, "", "CPUID.(0DH,0) has the supervisor components too") \
	X(cpuid_subleaf_overlap, C09, "zen4", "PKRU's offset lies in the component before it") \
	X(cpuid_subleaf_size, C10, "", "PKRU's size is 4") \
	X(cpuid_xsaves_without_xsavec, C11, "", "CPUID has XSAVES without XSAVEC") \
	X(cpuid_d0_ebx_last_bit, C12, "apx", \
	  "CPUID.(0DH,0):EBX is the end of the last bit's component") \
	X(cpuid_pku_without_state, C13, "sse", "CPUID has PKU without PKRU state") \
	X(cpuid_1d_tiles, C14, "", "CPUID.(1DH,1) has 16 tiles") \
	/* H: the header */ \
	X(fx_alignment_unchecked, H01, "", "FXSAVE and FXRSTOR take any address") \
	X(area_alignment_ignored, H01, "", "the area may lie anywhere") \
	X(ac_always, H01, "", "misalignment gives #AC though it is not enabled") \
	X(area_aligned_to_32, H01, "", "the area may lie at a multiple of 32") \
	X(area_aligned_to_16, H01, "", "the area may lie at a multiple of 16") \
	X(standard_tail_checked, H03, "", "a standard XRSTOR looks at bytes 24 to 63") \
	X(standard_tail_16_unchecked, H03, "", \
	  "a standard XRSTOR does not look at bytes 16 to 23") \
	X(standard_byte_23_unchecked, H03, "", "a standard XRSTOR does not look at byte 23") \
	X(compacted_tail_unchecked, H04, "", "a compacted XRSTOR does not look at bytes 16 to 63") \
	X(compacted_checks_to_23, H04, "", "a compacted XRSTOR does not look at bytes 24 to 63") \
	X(compacted_checks_to_62, H04, "", "a compacted XRSTOR does not look at byte 63") \
	X(bv_unchecked, H05, "", "a standard XRSTOR takes every XSTATE_BV") \
	X(bv_checked_by_rfbm, H05, "", "XSTATE_BV is looked at within RFBM alone") \
	X(bv_low_dword_checked, H05, "", "XSTATE_BV[63:32] is not looked at") \
	X(bv_checked_by_cpuid, H12, "", "XSTATE_BV is compared with CPUID's bits, not with XCR0") \
	X(cb_unchecked, H06, "", "a compacted XRSTOR takes every XCOMP_BV") \
	X(bv_beyond_cb_accepted, H07, "", "XSTATE_BV may have bits that XCOMP_BV lacks") \
	X(xcomp_bv_without_63, H09, "", "XCOMP_BV may be anything without bit 63") \
	X(compaction_unenumerated, H10, "tcg", \
	  "XRSTOR takes compacted images where CPUID lacks XSAVEC") \
	X(header_checked_late, H11, "", "XRSTOR loads XMM before it looks at the header") \
	/* V: what saves write */ \
	X(save_bv_overwrites, V01, "", "XSAVE clears the bits of XSTATE_BV outside RFBM") \
	X(save_bv_only_ors, V01, "", "XSAVE clears no bit of XSTATE_BV") \
	X(save_bv_16_bits, V01, "", "XSAVE writes the low 16 bits of XSTATE_BV alone") \
	X(save_clears_xcomp_bv, V02, "", "XSAVE writes XCOMP_BV") \
	X(save_clears_header_tail, V02, "", "XSAVE writes bytes 16 to 63 of the header") \
	X(savec_bv_merges, V03, "", "XSAVEC and XSAVES keep the bits of XSTATE_BV outside RFBM") \
	X(savec_cb_without_bit_63, V03, "", "XSAVEC and XSAVES leave bit 63 out of XCOMP_BV") \
	X(savec_cb_is_in_use, V03, "", "XCOMP_BV of XSAVEC and XSAVES has the components in use") \
	X(savec_cb_is_xcr0, V03, "", "XCOMP_BV of XSAVEC and XSAVES is XCR0") \
	X(savec_clears_header_tail, V03, "", \
	  "XSAVEC and XSAVES write bytes 16 to 63 of the header") \
	X(save_always_x87, V04, "", "XSAVE writes x87 state that was not asked for") \
	X(save_always_sse, V04, "", \
	  "XSAVEOPT, XSAVEC and XSAVES write XMM that were not asked for") \
	X(save_avx_by_sse, V04, "", "YMM_Hi128 is written when SSE is asked for") \
	X(xmm_at_176, V06, "", "XMM registers lie at 176") \
	X(save_st7_lost, V05, "", "ST7 is not saved") \
	X(save_ymm15_lost, R05, "", "YMM_Hi128 of register 15 is not saved") \
	X(save_writes_reserved_bytes, V07, "", "bytes 416 to 463 are written") \
	X(save_writes_software_bytes, V07, "", "bytes 464 to 511 are written") \
	X(fxsave_writes_software_bytes, V07, "", "FXSAVE writes bytes 464 to 511") \
	X(x87_flags_lost, V05, "", "flags that x87 arithmetic raises are not in FSW") \
	X(xsave_skips_initial, V08, "", \
	  "XSAVE leaves out components in their initial configuration") \
	X(save_rfbm0_does_nothing, V09, "", \
	  "XSAVE and XSAVEOPT with RFBM = 0 do not touch the header") \
	X(save_raises_mf, V12, "", "a save raises #MF if one is pending") \
	X(save_clears_rax, V13, "", "a save changes RAX") \
	X(save_sets_flags, V13, "", "a save changes RFLAGS") \
	X(save_rfbm_ignores_xcr0, V14, "", "RFBM has components that XCR0 lacks") \
	X(save_mask_0_is_all, V04, "", "a mask of 0 asks for everything") \
	X(ffxsr_ignored, V15, "zen4", "EFER.FFXSR has no effect on FXSAVE and FXRSTOR") \
	/* L: compacted format */ \
	X(compact_is_standard, L01, "", \
	  "the compacted format has the offsets of the standard one") \
	X(compact_starts_late, L01, "", \
	  "the extended region of the compacted format starts at 640") \
	X(compact_aligns_all, L02, "", \
	  "every component is aligned to 64 bytes in compacted format") \
	X(compact_never_aligns, L03, "", \
	  "no component is aligned to 64 bytes in compacted format") \
	X(compact_layout_by_bv, L04, "", "a restore takes the layout from XSTATE_BV") \
	X(compact_layout_by_rfbm, L04, "", "a restore takes the layout from XCOMP_BV & RFBM") \
	X(compact_packs_in_use, L05, "", "initial components take no room in compacted format") \
	X(missing_in_cb_kept, L06, "", \
	  "a component that XCOMP_BV lacks is left alone by a restore") \
	X(compact_probes_rfbm, L08, "", "a restore touches components that XCOMP_BV lacks") \
	/* O: init and modified optimization */ \
	X(xinuse_misses_opmask, O01, "", "the mask registers always count as initial") \
	X(xinuse_misses_ymm_high, O01, "", \
	  "AVX counts as initial if the low half of YMM7's upper half is 0") \
	X(avx_init_takes_hi256_along, O01, "max-intel", \
	  "initialising AVX makes ZMM_Hi256 count as initial") \
	X(compat_avx_initial, D03, "", "AVX counts as initial outside 64-bit mode") \
	X(compat_sse_initial, D03, "", "SSE counts as initial outside 64-bit mode") \
	X(bounds_stay_initial, O02, "tcg", "bounds that are loaded leave XINUSE as it is") \
	X(zero_data_is_initial, O02, "", "after loading zeros XINUSE is 0") \
	X(xgetbv1_ignores_mxcsr, O04, "", "XGETBV(1) has SSE = 0 whatever MXCSR is") \
	X(xgetbv1_is_xcr0, O04, "", "XGETBV(1) is XCR0") \
	X(xgetbv1_without_xcr0, O04, "", "XGETBV(1) has bits that XCR0 lacks") \
	X(xsaveopt_writes_initial, O05, "", "XSAVEOPT writes initial components") \
	X(xsavec_writes_initial, O05, "", "XSAVEC writes initial components") \
	X(modified_ignores_address, O06, "", \
	  "XSAVEOPT leaves out unmodified components at every address") \
	X(modified_ignores_cpl, O06, "", "XSAVEOPT leaves out unmodified components at every CPL") \
	X(restore_marks_all_unmodified, O06, "", \
	  "a restore marks what it did not restore as unmodified") \
	X(savec_modified_optimization, O07, "", "XSAVEC leaves out unmodified components") \
	X(modified_ignores_format, O08, "", \
	  "XSAVES leaves out unmodified components whatever XCOMP_BV was") \
	X(xsaveopt_mxcsr_if_in_use, O09, "", "XSAVEOPT writes MXCSR only if SSE is in use") \
	X(tilerelease_keeps_in_use, O11, "", "TILERELEASE leaves XINUSE[18:17]") \
	/* M: MXCSR */ \
	X(save_mxcsr_by_sse_alone, M01, "", "XSAVE and XSAVEOPT write MXCSR for RFBM[1] alone") \
	X(save_mxcsr_always, M01, "", "every save writes MXCSR") \
	X(sse_flags_lost, M01, "", "flags that SSE arithmetic raises are not in MXCSR") \
	X(savec_mxcsr_by_avx, M02, "", "XSAVEC and XSAVES write MXCSR for RFBM[2] too") \
	X(savec_bv_ignores_mxcsr, M02, "", \
	  "XSTATE_BV[1] of XSAVEC and XSAVES is about the XMM alone") \
	X(restore_mxcsr_by_sse_alone, M04, "", "a standard XRSTOR loads MXCSR for RFBM[1] alone") \
	X(restore_mxcsr_by_bv, M04, "", "a standard XRSTOR loads MXCSR if XSTATE_BV[1] = 1") \
	X(restore_mxcsr_always, M04, "", "a standard XRSTOR always loads MXCSR") \
	X(mxcsr_rc_without_effect, M04, "", "SSE rounds to nearest whatever MXCSR.RC is") \
	X(fxrstor_keeps_mxcsr, M04, "", "FXRSTOR does not load MXCSR") \
	X(compacted_mxcsr_as_standard, M05, "", \
	  "a compacted XRSTOR loads MXCSR as a standard one") \
	X(compacted_mxcsr_by_avx, M05, "", "a compacted XRSTOR loads MXCSR for RFBM[2]") \
	X(compacted_init_keeps_mxcsr, M05, "", \
	  "a compacted XRSTOR that initialises SSE leaves MXCSR") \
	X(mxcsr_reserved_dropped, M06, "", "reserved bits of MXCSR are dropped without #GP") \
	X(mxcsr_loads_any, M06, "", "reserved bits of MXCSR are loaded") \
	X(mxcsr_checked_always, M06, "", "MXCSR is looked at though it is not loaded") \
	X(mxcsr_loaded_before_check, M06, "", "XRSTOR moves registers before it looks at MXCSR") \
	X(mxcsr_reserved_by_image, M07, "", \
	  "MXCSR_MASK of the image says which bits are reserved") \
	X(mxcsr_daz_refused, M08, "", "MXCSR.DAZ cannot be loaded though MXCSR_MASK has it") \
	X(mxcsr_mask_lacks_daz, M01, "", "MXCSR_MASK of XSAVE is not that of FXSAVE") \
	X(restore_raises_xm, M09, "", "loading an unmasked flag of MXCSR raises #XM") \
	/* R: restores */ \
	X(load_without_rfbm, R01, "", "a restore loads what XSTATE_BV names whatever RFBM is") \
	X(restore_inits_all, R01, "", "a restore initialises what RFBM lacks") \
	X(restore_mask_ignored, R01, "", "a restore takes EDX:EAX as all ones") \
	X(restore_rfbm_by_supported, R01, "", "RFBM of a restore has components that XCR0 lacks") \
	X(restore_does_not_init, R02, "", \
	  "a restore leaves components alone whose XSTATE_BV is 0") \
	X(init_fcw_zero, R02, "", "the initial FCW is 0040H") \
	X(init_tags_full, R02, "", "the initial tags are not empty") \
	X(init_keeps_fip, R02, "", "FIP is not initialised") \
	X(init_keeps_st, R02, "", "ST0 to ST7 are not initialised") \
	X(init_avx_clears_xmm, R03, "", "initialising AVX clears XMM") \
	X(init_avx_clears_zmm, R03, "", "initialising AVX clears a part of ZMM_Hi256") \
	X(init_sse_clears_ymm, R04, "", "initialising SSE clears YMM_Hi128") \
	X(load_hi16_reversed, R05, "", "Hi16_ZMM is loaded in reverse order") \
	X(load_zmm_half, R05, "", "half of each ZMM_Hi256 is loaded") \
	X(load_opmask_16, R05, "", "16 bits of each mask register are loaded") \
	X(load_bnd_complemented, R05, "", "the upper bounds are complemented") \
	X(load_bndstatus_lost, R05, "", "BNDSTATUS is loaded as 0") \
	X(tiledata_half, T06, "", "tiles 4 to 7 are loaded as 0") \
	X(cb_supervisor_accepted, R06, "", \
	  "XCOMP_BV may have supervisor components that IA32_XSS lacks") \
	X(xrstors_takes_standard, R07, "", "XRSTORS takes standard images") \
	X(xrstors_cb_by_xcr0, R08, "", "XRSTORS refuses what IA32_XSS has") \
	X(restore_sets_flags, R11, "", "a restore changes RFLAGS") \
	X(restore_clears_rdx, R11, "", "a restore changes RDX") \
	/* F: x87 */ \
	X(fcw_keeps_reserved, F01, "", "reserved bits of FCW are loaded") \
	X(fcw_bit_6_cleared, F01, "", "FCW[6] reads 0") \
	X(es_from_image, F02, "", "FSW.ES and B come from the image") \
	X(es_ignores_masks, F02, "", "FSW.ES is 1 for masked exceptions too") \
	X(b_is_not_es, F02, "", "FSW.B is 0 always") \
	X(fop_16_bits, F03, "", "FOP has 16 bits") \
	X(fop_not_loaded, F03, "", "FOP is not loaded") \
	X(fip_high_half_lost, F04, "", "the upper half of FIP is not saved") \
	X(fdp_high_half_lost, F04, "", "the upper half of FDP is not saved") \
	X(pointers_by_other_width, F05, "", "REX.W has the opposite meaning for FIP and FDP") \
	X(selectors_not_saved, F05, "", "FCS and FDS are saved as 0") \
	X(ftw_inverted, F06, "", "the abridged tags are 1 for empty") \
	X(ftw_all_full, F06, "", "no register is empty after a load") \
	X(ftw_in_stack_order, F06, "", "the abridged tags are in stack order") \
	X(st_in_physical_order, F11, "", "the ST slots are in physical order") \
	X(fsw_top_lost, F11, "", "FSW.TOP is loaded as 0") \
	X(st_exponent_lost, R05, "", "sign and exponent of ST are not loaded") \
	X(fcw_control_without_effect, R05, "", "x87 rounds to nearest, 64 bits, always") \
	X(fxrstor_keeps_xmm, R05, "", "FXRSTOR does not load XMM registers") \
	X(pointers_without_exception, F07, "sapphire_rapids", \
	  "FOP, FIP and FDP change without an unmasked exception") \
	X(pointers_restored_with_es_alone, F09, "zen4", \
	  "x87 pointers are restored with ES = 1 alone") \
	X(fninit_clears_st, F08, "", "FNINIT clears ST0 to ST7") \
	X(restore_raises_mf, F10, "", "XRSTOR raises a pending #MF") \
	/* P: PKRU */ \
	X(pkru_from_upper_half, P02, "", "PKRU is loaded from the upper half of its 8 bytes") \
	X(init_pkru_closed, P01, "", "the initial PKRU closes keys") \
	X(pkru_ignored, P03, "", "memory accesses do not obey PKRU") \
	X(pkru_ignored_by_supervisor, P03, "", "memory accesses at CPL 0 do not obey PKRU") \
	X(pkru_write_disable_ignored, P03, "", "PKRU's WD bits have no effect") \
	X(pf_without_key_bit, P03, "", "the error code of a key's #PF lacks PK") \
	X(restore_obeys_new_pkru, P04, "", "XRSTOR's own accesses obey the PKRU that it loads") \
	X(pkru_counts_late, P06, "", "a new PKRU counts from the second access on") \
	X(pkru_needs_xcr0, P05, "", "RDPKRU and WRPKRU need XCR0[9]") \
	X(pkru_ignores_pke, P05, "", "RDPKRU and WRPKRU run with CR4.PKE = 0") \
	X(pkru_ecx_ignored, P05, "", "RDPKRU and WRPKRU take every ECX") \
	X(wrpkru_edx_ignored, P05, "", "WRPKRU takes every EDX") \
	/* T: AMX and XFD */ \
	X(tilezero_leaves_init, T01, "", "TILEZERO leaves XINUSE[18]") \
	X(tiledata_needs_tilecfg, T04, "", "tiles are loaded as 0 without a configuration") \
	X(tileloadd_keeps_the_rest, T05, "", "TILELOADD leaves what lies beyond rows and columns") \
	X(xrstor_takes_any_tilecfg, T02, "", "XRSTOR loads an illegal tile configuration") \
	X(ldtilecfg_takes_anything, T03, "", "LDTILECFG takes an illegal configuration") \
	X(tilecfg_start_row_lost, T11, "", "start_row is loaded as 0") \
	X(xfd_restore_ignored, T07, "", "XRSTOR of XTILEDATA does not look at IA32_XFD") \
	X(xfd_nm_by_rfbm, T07, "", "XFD's #NM does not look at XSTATE_BV") \
	X(xfd_err_not_set, T07, "", "XFD's #NM does not write IA32_XFD_ERR") \
	X(ts_nm_clears_xfd_err, T10, "", "the #NM of CR0.TS clears IA32_XFD_ERR") \
	X(xfd_save_keeps_bv, T08, "", "a save does not look at IA32_XFD for XSTATE_BV") \
	X(xfd_save_leaks, T08, "", "XSAVE writes the tiles that IA32_XFD disables") \
	X(xfd_ignored_by_tiles, T09, "", "TILELOADD and TILEZERO do not look at IA32_XFD") \
	X(xfd_gates_tilecfg, T09, "", "LDTILECFG, STTILECFG and TILERELEASE raise XFD's #NM") \
	/* E: supervisor components */ \
	X(cet_s_swapped, E01, "", "PL0_SSP is saved as PL2_SSP") \
	X(xrstors_fault_spoils, R09, "", "a fault of XRSTORS leaves PL3_SSP neither old nor new") \
	X(cet_reserved_accepted, E02, "", "XRSTORS loads reserved bits of IA32_U_CET") \
	X(ssp_misaligned_accepted, E02, "", "XRSTORS loads a misaligned SSP") \
	X(ssp_noncanonical_accepted, E02, "", "XRSTORS loads a non-canonical SSP") \
	X(cet_init_keeps_ssp, E03, "", "PL3_SSP is not 0 after initialising") \
	X(pt_save_keeps_traceen, E04, "", "XSAVES leaves TraceEn as it is") \
	X(pt_restore_while_on, E04, "", "XRSTORS runs while TraceEn = 1") \
	X(uintr_save_keeps_uinv, E05, "", "XSAVES leaves UINV as it is") \
	X(uintr_restore_with_uinv, E05, "", "XRSTORS runs with UINV other than 0") \
	X(lbr_size_800, E06, "", "LBR has 800 bytes") \
	X(xsaves_rfbm_all_supervisor, E07, "", \
	  "XSAVES takes supervisor components that IA32_XSS lacks") \
	X(xsaves_ignores_xss, E01, "", "XSAVES leaves out the supervisor components") \
	/* A: APX */ \
	X(apx_size_64, A01, "apx", "APX has 64 bytes") \
	X(apx_offset_2816, A01, "apx", "APX lies behind XTILEDATA in standard format") \
	X(apx_compacted_at_960, A02, "apx", "APX lies at 960 in compacted format too") \
	X(apx_ignores_xcr0, A04, "apx", "REX2 runs with XCR0[19] = 0") \
	/* D: outside 64-bit mode */ \
	X(compat_moves_16, D01, "", "saves move 16 registers outside 64-bit mode") \
	X(compat_loads_16, D02, "", "restores move 16 registers outside 64-bit mode") \
	X(segment_limit_ignored, D05, "", "16-bit code reaches beyond the segment's limit") \
	/* N: memory */ \
	X(footprint_is_standard, N02, "", \
	  "compacted components are looked for at their standard places") \
	X(header_page_unchecked, N05, "", \
	  "a restore looks at the operand's first page for the header too") \
	X(footprint_stops_at_avx, N01, "", "components behind AVX are not checked for #PF") \
	X(pf_without_user_bit, N01, "", "the error code of a #PF at CPL 3 lacks U") \
	X(cr2_operand, N01, "", "CR2 is the operand's address") \
	X(cr2_page, N01, "", "CR2 is the page's address") \
	X(noncanonical_pf, N06, "", "a non-canonical address gives #PF") \
	X(ss_gives_gp, N06, "", "a non-canonical address by way of RBP gives #GP") \
	X(pf_before_alignment, N07, "", "a missing page is looked at before the alignment")

/* clang-format on */

enum model_fault {
	FAULTLESS,
#define MODEL_FAULT_NAME(id, rule, cpu, text) F_##id,
	MODEL_FAULTS(MODEL_FAULT_NAME)
#undef MODEL_FAULT_NAME
};

#endif
