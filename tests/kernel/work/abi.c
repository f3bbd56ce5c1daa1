/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * Seven times socket(AF_UNIX, SOCK_DGRAM, 0), in the ABI that it is compiled for: x86-64, or with
 * -m32 i386, or with -mx32 x32; with -DINT80 x86-64's program makes i386's calls. Without a C
 * library, so that no other needs to be installed. With an argument it stops itself first, until
 * somebody lets it go on. Status 1: the kernel does not know the ABI.
 */
#if defined(__i386__) || defined(INT80)
enum { NR_exit = 1, NR_getpid = 20, NR_kill = 37, NR_socket = 359 };
static long call(int nr, int a, int b, int c)
{
	int ret;

	__asm__ volatile("int $0x80"
			 : "=a"(ret)
			 : "a"(nr), "b"(a), "c"(b), "d"(c)
#ifdef __x86_64__
			 : "r8", "r9", "r10", "r11", "memory");
#else
			 : "memory");
#endif
	return ret;
}
#elif defined(__x86_64__)
#ifdef __ILP32__
#define ABI 0x40000000 /* __X32_SYSCALL_BIT */
#else
#define ABI 0
#endif
enum { NR_exit = ABI | 60, NR_getpid = ABI | 39, NR_kill = ABI | 62, NR_socket = ABI | 41 };
static long call(int nr, int a, int b, int c)
{
	long long ret; /* x32's long has but 32 bits */

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"((long long)nr), "D"((long long)a), "S"((long long)b),
			   "d"((long long)c)
			 : "rcx", "r11", "memory");
	return ret;
}
#else
enum { NR_exit, NR_getpid, NR_kill, NR_socket };
static long call(int nr, int a, int b, int c)
{
	return -(nr + a + b + c); /* not for this machine; the test says so */
}
#endif

#if defined(__i386__)
__asm__(".globl _start\n_start: push (%esp)\ncall begin");
#elif defined(__x86_64__)
__asm__(".globl _start\n_start: mov (%rsp), %edi\nand $-16, %rsp\ncall begin");
#else
__asm__(".globl _start\n_start:");
#endif

void begin(int argc)
{
	int bad = 0;

	if (argc > 1)
		call(NR_kill, call(NR_getpid, 0, 0, 0), 19 /* SIGSTOP */, 0);
	for (int i = 0; i < 7; i++)
		bad |= call(NR_socket, 1, 2, 0) < 0;
	for (;;)
		call(NR_exit, bad, 0, 0);
}
