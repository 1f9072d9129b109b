package main

import (
	"fmt"
	"slices"
)

// result is one line of the report: one quantity, against one peer or alone.
type result struct {
	Row      string    `json:"row"`
	What     string    `json:"what"`
	Quantity string    `json:"quantity"` // wall, cpu, peak_rss, size
	Unit     string    `json:"unit"`     // s, MB
	Ours     []float64 `json:"ours"`     // by round
	Against  string    `json:"against,omitempty"`
	Peer     []float64 `json:"peer,omitempty"`
	// Goal is the most that Value may be; 0: there is none, it is for
	// information. Value is the ratio of the medians, or the worst of Ours.
	Goal   float64 `json:"goal,omitempty"`
	Value  float64 `json:"value"`
	Lowest float64 `json:"lowest"` // of the rounds
	High   float64 `json:"highest"`
	Met    bool    `json:"met"`
}

// The units: of what is compared, and of what stands alone.
const (
	seconds   = "s"
	megabytes = "MB"
)

// against compares times by round: the value is the ratio of the medians, the spread
// that of the rounds' own ratios.
func against(row, what, quantity string, ours []float64, peer string, theirs []float64, goal float64) result {
	r := result{
		Row: row, What: what, Quantity: quantity, Unit: seconds, Ours: ours, Against: peer, Peer: theirs, Goal: goal,
		Value: median(ours) / median(theirs),
	}
	var ratios []float64
	for i, peer := range theirs {
		ratios = append(ratios, ours[i]/peer)
	}
	r.Lowest, r.High = slices.Min(ratios), slices.Max(ratios)
	r.Met = goal == 0 || r.Value <= goal
	return r
}

// alone holds a number of bytes to a bound: the worst round counts.
func alone(row, what, quantity string, ours []float64, goal float64) result {
	r := result{
		Row: row, What: what, Quantity: quantity, Unit: megabytes, Ours: ours, Goal: goal,
		Value: slices.Max(ours), Lowest: slices.Min(ours), High: slices.Max(ours),
	}
	r.Met = goal == 0 || r.Value <= goal
	return r
}

func (r result) verdict() string {
	switch {
	case r.Goal == 0:
		return ""
	case r.Met:
		return "met"
	}
	return "missed"
}

// columns are what the report shows of it.
func (r result) columns() []string {
	goal := ""
	if r.Goal > 0 {
		goal = fmt.Sprintf("<= %.2f", r.Goal)
	}
	if r.Against == "" {
		if goal != "" {
			goal = fmt.Sprintf("<= %.0f %s", r.Goal, r.Unit)
		}
		return []string{
			r.Row, r.What + ": " + r.Quantity, fmt.Sprintf("%.1f %s", r.Value, r.Unit), "", "",
			fmt.Sprintf("%.1f-%.1f", r.Lowest, r.High), goal, r.verdict(),
		}
	}
	return []string{
		r.Row, r.What + ": " + r.Quantity + ", against " + r.Against,
		fmt.Sprintf("%.2f %s", median(r.Ours), r.Unit), fmt.Sprintf("%.2f %s", median(r.Peer), r.Unit),
		fmt.Sprintf("%.2f", r.Value), fmt.Sprintf("%.2f-%.2f", r.Lowest, r.High), goal, r.verdict(),
	}
}

// median of at least one value.
func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	if n%2 == 1 {
		return sorted[n/2]
	}
	return (sorted[n/2-1] + sorted[n/2]) / 2
}

// column picks one quantity of the samples.
func column(samples []sample, pick func(sample) float64) []float64 {
	var values []float64
	for _, s := range samples {
		values = append(values, pick(s))
	}
	return values
}

func wall(s sample) float64    { return s.Wall }
func cpu(s sample) float64     { return s.CPU }
func peakRSS(s sample) float64 { return float64(s.PeakRSS) / 1e6 }
