// The process that holds a pod's namespaces: it sleeps, reaps orphans when it is process 1, and
// ends at SIGTERM or SIGINT. Built without a C library where that is easy, so it is a few kilobytes
// and costs a pod next to no memory.
#include <asm/unistd.h>

#define VERSION "3.10\n"

#if defined(__x86_64__)
static long Call(long number, long a, long b, long c, long d) {
  register long r10 __asm__("r10") = d;
  long result;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10)
                   : "rcx", "r11", "memory");
  return result;
}
__asm__(
    ".globl _start\n"
    "_start:\n"
    "  mov %rsp, %rdi\n"
    "  and $-16, %rsp\n"
    "  call Start\n");
#elif defined(__aarch64__)
static long Call(long number, long a, long b, long c, long d) {
  register long x8 __asm__("x8") = number;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  register long x3 __asm__("x3") = d;
  __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3) : "memory");
  return x0;
}
__asm__(
    ".globl _start\n"
    "_start:\n"
    "  mov x0, sp\n"
    "  bl Start\n");
#else
#error "pause knows the system calls of x86_64 and aarch64"
#endif

enum { kInt = 2, kTerm = 15, kChild = 17, kBlock = 0, kNoHang = 1, kSignalSetBytes = 8 };

// What execve leaves on the stack: the count of arguments and then pointers to them.
__attribute__((noreturn, used)) void Start(const long* stack) {
  const char* first = stack[0] > 1 ? (const char*)stack[2] : 0;
  if (first != 0 && first[0] == '-' && first[1] == 'v' && first[2] == 0) {
    Call(__NR_write, 1, (long)VERSION, sizeof VERSION - 1, 0);
    Call(__NR_exit_group, 0, 0, 0, 0);
  }
  // Blocked signals are kept for us even though process 1 has no handlers.
  const unsigned long set = 1ul << (kInt - 1) | 1ul << (kTerm - 1) | 1ul << (kChild - 1);
  Call(__NR_rt_sigprocmask, kBlock, (long)&set, 0, kSignalSetBytes);
  for (;;) {
    const long signal = Call(__NR_rt_sigtimedwait, (long)&set, 0, 0, kSignalSetBytes);
    if (signal == kInt || signal == kTerm) Call(__NR_exit_group, 0, 0, 0, 0);
    while (signal == kChild && Call(__NR_wait4, -1, 0, kNoHang, 0) > 0) {
    }
  }
}
