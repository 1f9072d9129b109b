package simulator

import (
	"hash/fnv"
	"math/rand/v2"
	"time"
)

// chance draws from one stream of the seed. Each actor has its own, so that
// what one draws does not depend on who else draws, and when.
type chance struct{ *rand.Rand }

func draw(seed uint64, stream string) chance {
	h := fnv.New64a()
	_, _ = h.Write([]byte(stream))                        // never fails
	return chance{rand.New(rand.NewPCG(seed, h.Sum64()))} //nolint:gosec // reproducible on purpose
}

// one reports true in percent of a hundred draws.
func (c chance) one(percent int) bool { return c.IntN(100) < percent }

// seconds is a whole number of seconds between from and to.
func (c chance) seconds(from, to int) time.Duration {
	return time.Duration(from+c.IntN(to-from+1)) * time.Second
}

// millis is a time between from and to milliseconds, in steps of one microsecond.
func (c chance) millis(from, to int) time.Duration {
	return time.Duration(from)*time.Millisecond + time.Duration(c.IntN((to-from)*1000+1))*time.Microsecond
}

func pick[T any](c chance, of ...T) T { return of[c.IntN(len(of))] }
