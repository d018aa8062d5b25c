//go:build race

package lvscf

// noiseSize is smaller under the race detector, which makes everything ten times slower.
const noiseSize = 1 << 20
