//go:build !race

package lvscf

// noiseSize is the length of each text of TestNoiseIsCheap, in bytes.
const noiseSize = 10 << 20
