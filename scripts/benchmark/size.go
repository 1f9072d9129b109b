package main

import (
	"context"
	"fmt"
	"os"
)

const sizeGoal = 15 // MB

// measureSize weighs the stripped binary.
func measureSize(_ context.Context, w *workspace, _ int, _ func(string)) ([]result, error) {
	info, err := os.Stat(w.nixdeploy)
	if err != nil {
		return nil, fmt.Errorf("weigh the binary: %w", err)
	}
	return []result{alone("size", "stripped static binary", "size", []float64{float64(info.Size()) / 1e6}, sizeGoal)}, nil
}
