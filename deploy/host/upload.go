package host

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
)

const (
	// uploadStalls is for how long a host may take nothing of the flake; it covers
	// what comes after the last byte, too: the hash, and each file synced.
	uploadStalls = 5 * time.Minute
	// slowest is the link, in bytes a second, over which an upload still ends.
	slowest = 4 << 10
)

// UploadBound is how long the upload of a flake of so many bytes may take.
func UploadBound(size int64) time.Duration {
	return 10*time.Minute + time.Duration(size/slowest)*time.Second
}

func (w *worker) upload(ctx context.Context) error {
	if err := w.freeLease(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, UploadBound(w.d.Flake.Size))
	defer cancel()
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	stalled := &deploy.Problem{Code: deploy.CodeUnreachable, What: fmt.Sprintf("the host took nothing of the flake for %s", uploadStalls)}
	stall := time.AfterFunc(uploadStalls, func() { stop(stalled) })
	defer stall.Stop()
	r, pipe := io.Pipe()
	packed := make(chan struct{})
	go func() { // ends when the pack is read, or when the reader is closed below
		defer close(packed)
		pipe.CloseWithError(w.d.Flake.Pack(pipe))
	}()
	err := w.ask(ctx, func(ctx context.Context, m Machine) error {
		return m.Upload(ctx, w.d.Flake.Digest, w.d.Flake.Hash, taken{r, stall})
	})
	_ = r.Close()
	<-packed
	if err != nil && errors.Is(context.Cause(ctx), stalled) {
		return stalled
	}
	if err != nil {
		return err
	}
	w.locked, w.p.Uploaded = true, true
	return nil
}

// taken puts off the end of an upload each time that something of it is taken.
type taken struct {
	*io.PipeReader
	stall *time.Timer
}

func (t taken) Read(p []byte) (int, error) {
	n, err := t.PipeReader.Read(p)
	t.stall.Reset(uploadStalls)
	return n, err
}
