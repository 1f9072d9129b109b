//go:build race

package inventory

// raceDetector slows the largest tests down tenfold, so they shrink with it.
const raceDetector = true
