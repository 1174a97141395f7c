// What Node for musl wants of libstdc++ and libgcc that Debian's builds of these for glibc, or glibc itself,
// do not have.
#include <locale.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

char __libc_single_threaded = 0;

int __cxa_thread_atexit_impl(void (*destroy)(void*), void* object, void* library) {
  (void)destroy, (void)object, (void)library;
  return 0;  // objects of threads live as long as the process
}

// Exceptions are then found by dl_iterate_phdr.
int _dl_find_object(void* address, void* result) {
  (void)address, (void)result;
  return -1;
}

// libgcc's own, under a version that musl does not look for.
unsigned __cpu_model[4];

int __cpu_indicator_init(void) { return 0; }

uint32_t arc4random(void) {
  uint32_t value = 0;
  return getrandom(&value, sizeof value, 0) == sizeof value ? value : 0;
}

size_t __strftime_l(char* text, size_t size, const char* format, const struct tm* time, locale_t locale) {
  return strftime_l(text, size, format, time, locale);
}

// std::string::_M_replace_cold of libstdc++ 13: `count` chars at `at` become `length` of `from`, which may
// lie in the same string; `tail` chars follow.
void _ZNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEE15_M_replace_coldEPcmPKcmm(
    void* string, char* at, size_t count, const char* from, size_t length, size_t tail) {
  (void)string;
  char* copy = malloc(length + 1);
  memcpy(copy, from, length);
  memmove(at + length, at + count, tail);
  memcpy(at, copy, length);
  free(copy);
}
