#include "textflag.h"

// onSignal is called by the kernel, with the number of a signal in DI. It writes that to the pipe; if it is full nothing is
// lost, for there are thousands of signals in it that nobody took. Whatever it changes is restored.
TEXT onSignal<>(SB), NOSPLIT|NOFRAME, $0
	PUSHQ DI
	MOVLQSX ·pipeOfSignals(SB), DI
	MOVQ SP, SI
	MOVL $1, DX
	MOVL $1, AX // write
	SYSCALL
	POPQ DI
	RET

// restore is where onSignal returns to.
TEXT restore<>(SB), NOSPLIT|NOFRAME, $0
	MOVQ $15, AX // rt_sigreturn
	SYSCALL
	INT $3

DATA ·handler(SB)/8, $onSignal<>(SB)
GLOBL ·handler(SB), RODATA, $8
DATA ·restorer(SB)/8, $restore<>(SB)
GLOBL ·restorer(SB), RODATA, $8
