// Runs CUDA kernels on a processor: every thread of a block is a fiber, and a barrier is where fibers take
// turns. Every second block runs its threads from last to first, to show what depends on their order.
#pragma once

#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <ucontext.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <memory>
#include <vector>

#define __global__
#define __device__
#define __host__
#define __shared__ static

struct dim3 {
  unsigned x, y, z;
  dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {}
};

namespace simt {

[[noreturn]] inline void stop(const char* reason) {
  fprintf(stderr, "simt: %s\n", reason);
  abort();
}

struct Fiber {
  std::unique_ptr<char[]> stack;
  jmp_buf state;
  unsigned index = 0;
  bool is_done = true;
};

struct Machine {
  std::vector<std::unique_ptr<Fiber>> fibers;
  Fiber* current = nullptr;
  jmp_buf scheduler;
  const std::function<void()>* kernel = nullptr;
  dim3 thread, block, threads, blocks;
};

// One at a time: the library under test has a lock around every call.
inline Machine machine;

inline void leave(Fiber& fiber) {
  if (_setjmp(fiber.state) == 0) _longjmp(machine.scheduler, 1);
}

// A fiber outlives the kernel that it was made for and waits for the next.
inline void live() {
  for (;;) {
    (*machine.kernel)();
    machine.current->is_done = true;
    leave(*machine.current);
  }
}

constexpr size_t kStackBytes = size_t{128} << 10;

inline void enter(Fiber& fiber) {
  machine.current = &fiber;
  machine.thread.x = fiber.index;
  if (_setjmp(machine.scheduler) != 0) return;
  if (fiber.stack) _longjmp(fiber.state, 1);
  fiber.stack.reset(new char[kStackBytes]);
  ucontext_t context;
  getcontext(&context);
  context.uc_stack.ss_sp = fiber.stack.get();
  context.uc_stack.ss_size = kStackBytes;
  context.uc_link = nullptr;
  makecontext(&context, live, 0);
  setcontext(&context);
}

inline void barrier() { leave(*machine.current); }

// From barrier to barrier, until all threads are done. Those that are done wait at none.
inline void run_block() {
  const unsigned count = machine.threads.x;
  for (unsigned i = 0; i < count; ++i) machine.fibers[i]->is_done = false;
  for (unsigned left = count; left > 0;) {
    const unsigned before = left;
    for (unsigned i = 0; i < count; ++i) {
      Fiber& fiber = *machine.fibers[machine.block.x % 2 == 0 ? i : count - 1 - i];
      if (fiber.is_done) continue;
      enter(fiber);
      if (fiber.is_done) --left;
    }
    if (left != 0 && left != before)
      stop("threads wait at a barrier that others of their block do not come to");
  }
}

inline void run_grid(dim3 blocks, dim3 threads, const std::function<void()>& kernel) {
  if (threads.x > 1024 || threads.y * threads.z * blocks.y * blocks.z != 1)
    stop("such a grid is not known here");
  while (machine.fibers.size() < threads.x) {
    machine.fibers.push_back(std::make_unique<Fiber>());
    machine.fibers.back()->index = static_cast<unsigned>(machine.fibers.size() - 1);
  }
  machine.kernel = &kernel;
  machine.blocks = blocks;
  machine.threads = threads;
  for (machine.block.x = 0; machine.block.x < blocks.x; ++machine.block.x) run_block();
}

template <class To, class From>
To bits_as(From from) {
  To to;
  static_assert(sizeof(to) == sizeof(from));
  std::memcpy(&to, &from, sizeof(to));
  return to;
}

}  // namespace simt

inline dim3& threadIdx = simt::machine.thread;
inline dim3& blockIdx = simt::machine.block;
inline dim3& blockDim = simt::machine.threads;
inline dim3& gridDim = simt::machine.blocks;

using std::max;
using std::min;

inline void __syncthreads() {
  simt::barrier();
  simt::machine.thread.x = simt::machine.current->index;
}
inline int __float_as_int(float x) { return simt::bits_as<int>(x); }
inline unsigned __float_as_uint(float x) { return simt::bits_as<unsigned>(x); }
inline float __uint_as_float(unsigned x) { return simt::bits_as<float>(x); }

inline int __popc(unsigned x) { return __builtin_popcount(x); }

template <class T>
T atomicAdd(T* at, T value) {
  const T before = *at;
  *at = before + value;
  return before;
}
inline int atomicMin(int* at, int value) {
  const int before = *at;
  *at = min(before, value);
  return before;
}
inline int atomicMax(int* at, int value) {
  const int before = *at;
  *at = max(before, value);
  return before;
}
