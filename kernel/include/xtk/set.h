/* SPDX-License-Identifier: MIT */
/*
 * Linker sets: arrays that the linker builds from entries declared in any file. To add a test or an
 * entry design is to declare one; no list is edited.
 *
 * A set holds pointers, never the structs themselves: compilers may align a large static object
 * beyond its size, and then the elements of an array of structs would not lie side by side. The
 * order in a set is not a contract.
 */
#ifndef XTK_SET_H
#define XTK_SET_H

#define SET_ENTRY(set, type, object)                                                               \
	static const type *const set##_ptr_##object __attribute__((used, section(#set))) = &object

#define SET_DECLARE(set, type) extern const type *const __start_##set[], *const __stop_##set[]

#define set_for_each(it, set) for (__auto_type it = __start_##set; it < __stop_##set; it++)

#endif
