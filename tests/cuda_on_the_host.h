// As much of CUDA as kernels need, for a C++ compiler of the host: threads one after the other, of
// a block whose threads wait for each other by turns.

#include <math.h>
#include <ucontext.h>

#include <vector>

#define __global__
#define __device__
#define __forceinline__ inline
#define __shared__ static

struct Dimension { unsigned x; };
static Dimension threadIdx, blockIdx, gridDim;

static ucontext_t scheduler;
static std::vector<ucontext_t> fibers;
static void (*body)();
static bool *done;

// Whether the last thread comes first: what hangs on their order is wrong.
static bool backwards;
extern "C" void turn_round(int yes) { backwards = yes; }
static unsigned in_turn(unsigned i, unsigned n) { return backwards ? n - 1 - i : i; }

static void __syncthreads() { swapcontext(&fibers[threadIdx.x], &scheduler); }

static void whole_thread() {
    body();
    done[threadIdx.x] = true;
    swapcontext(&fibers[threadIdx.x], &scheduler);
}

// Run a kernel whose threads wait for nobody.
static void one_after_the_other(unsigned blocks, unsigned threads) {
    gridDim.x = blocks;
    for (unsigned i = 0; i < blocks; ++i)
        for (unsigned j = 0; j < threads; ++j) {
            blockIdx.x = in_turn(i, blocks);
            threadIdx.x = in_turn(j, threads);
            body();
        }
}

// Run a kernel whose threads wait for each other: each goes on until it waits, then the next.
static void by_turns(unsigned blocks, unsigned threads) {
    const size_t stack = 1 << 16;
    std::vector<char> stacks(threads * stack);
    std::vector<char> ended(threads);
    fibers.resize(threads);
    done = (bool *)ended.data();
    gridDim.x = blocks;
    for (unsigned i = 0; i < blocks; ++i) {
        blockIdx.x = in_turn(i, blocks);
        for (unsigned t = 0; t < threads; ++t) {
            done[t] = false;
            getcontext(&fibers[t]);
            fibers[t].uc_stack.ss_sp = &stacks[t * stack];
            fibers[t].uc_stack.ss_size = stack;
            makecontext(&fibers[t], whole_thread, 0);
        }
        for (bool more = true; more;) {
            more = false;
            for (unsigned j = 0; j < threads; ++j) {
                threadIdx.x = in_turn(j, threads);
                if (done[threadIdx.x]) continue;
                swapcontext(&scheduler, &fibers[threadIdx.x]);
                more = more || !done[threadIdx.x];
            }
        }
    }
}
