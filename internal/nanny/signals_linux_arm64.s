#include "textflag.h"

// onSignal is called by the kernel, with the number of a signal in R0, and returns through the kernel's own code. It writes
// the number to the pipe; if it is full nothing is lost, for there are thousands of signals in it that nobody took. Whatever
// it changes is restored.
TEXT onSignal<>(SB), NOSPLIT|NOFRAME, $0
	SUB $16, RSP
	MOVD R0, (RSP)
	MOVW ·pipeOfSignals(SB), R0
	MOVD RSP, R1
	MOVD $1, R2
	MOVD $64, R8 // write
	SVC
	ADD $16, RSP
	RET

DATA ·handler(SB)/8, $onSignal<>(SB)
GLOBL ·handler(SB), RODATA, $8
DATA ·restorer(SB)/8, $0
GLOBL ·restorer(SB), RODATA, $8
