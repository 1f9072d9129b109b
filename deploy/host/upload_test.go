package host

import (
	"context"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
)

// slowly is a host that takes a KiB of a flake each time that pause is over, and
// after so many nothing any more.
type slowly struct {
	*fakeHost
	pause time.Duration
	takes int
}

func (s slowly) Upload(ctx context.Context, _, _ string, tar io.Reader) error {
	for n := 0; ; n++ {
		wait := time.After(s.pause)
		if n == s.takes {
			wait = nil
		}
		select {
		case <-ctx.Done():
			return &deploy.Problem{Code: deploy.CodeUnreachable, What: "upload did not end in time", Err: context.Cause(ctx)}
		case <-wait:
		}
		if _, err := io.ReadFull(tar, make([]byte, 1<<10)); err != nil {
			return s.did("upload") // all of it is there
		}
	}
}

// A slow link is no failure: an upload ends when nothing of it is taken any more,
// and after what its size takes over the slowest link.
func TestAnUploadEndsForWantOfProgress(t *testing.T) {
	const size = 1 << 20
	for name, c := range map[string]struct {
		host  slowly
		size  int64
		state deploy.State
		code  deploy.Code
		took  time.Duration
	}{
		"slowly":            {slowly{pause: 800 * time.Millisecond, takes: -1}, size, deploy.StateConfirmed, "", 0},
		"it stops":          {slowly{pause: time.Second, takes: 3}, size, deploy.StateUntouched, deploy.CodeUnreachable, 3*time.Second + uploadStalls},
		"too slowly for it": {slowly{pause: 4 * time.Minute, takes: -1}, size, deploy.StateUntouched, deploy.CodeUnreachable, 10*time.Minute + 256*time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c.host.fakeHost = newFakeHost()
				d := c.host.driver()
				defer d.Close()
				d.Flake.Size = c.size
				d.Flake.Pack = func(w io.Writer) error { _, err := w.Write(make([]byte, size)); return err }
				d.Attach = func(deploy.Conn, string) Machine { return c.host }
				began := time.Now()
				out := d.Apply(t.Context(), webHost(), "prod", 1)
				wantState(t, out, c.state, c.code)
				if took := time.Since(began); c.took != 0 && took != c.took {
					t.Errorf("took %v, want %v", took, c.took)
				}
				if stopped := name == "it stops"; stopped != (out.Problem != nil && out.Problem.What == "the host took nothing of the flake for 5m0s") {
					t.Errorf("%v", out.Problem)
				}
			})
		})
	}
}
