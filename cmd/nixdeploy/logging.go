package main

import (
	"context"
	"log/slog"

	"github.com/charmbracelet/log"
	"github.com/muesli/termenv"

	"github.com/nixdeploy/nixdeploy/cmd/nixdeploy/internal/view"
)

// logger is the one logger of a call. It is for what a developer asks about;
// what people should know of a run comes through events and views.
func (a App) logger(o options, s view.Style) *slog.Logger {
	level := log.WarnLevel
	if o.verbose {
		level = log.DebugLevel
	}
	handler := log.NewWithOptions(a.Stderr, log.Options{Level: level})
	handler.SetColorProfile(termenv.Ascii)
	if s.Color {
		handler.SetColorProfile(termenv.ANSI)
	}
	return slog.New(cleanHandler{handler, s})
}

// cleanHandler makes every text harmless before the terminal sees it: errors
// quote what hosts say.
type cleanHandler struct {
	slog.Handler
	style view.Style
}

func (h cleanHandler) Handle(ctx context.Context, r slog.Record) error {
	clean := slog.NewRecord(r.Time, r.Level, h.style.Clean(r.Message), r.PC)
	r.Attrs(func(a slog.Attr) bool {
		clean.AddAttrs(h.attr(a))
		return true
	})
	return h.Handler.Handle(ctx, clean)
}

func (h cleanHandler) attr(a slog.Attr) slog.Attr {
	value := a.Value.Resolve()
	switch value.Kind() {
	case slog.KindString, slog.KindAny:
		return slog.String(a.Key, h.style.Clean(value.String()))
	case slog.KindGroup:
		var group []slog.Attr
		for _, g := range value.Group() {
			group = append(group, h.attr(g))
		}
		return slog.Attr{Key: a.Key, Value: slog.GroupValue(group...)}
	}
	return slog.Attr{Key: a.Key, Value: value}
}

func (h cleanHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	clean := make([]slog.Attr, len(attrs))
	for i, a := range attrs {
		clean[i] = h.attr(a)
	}
	return cleanHandler{h.Handler.WithAttrs(clean), h.style}
}

func (h cleanHandler) WithGroup(name string) slog.Handler {
	return cleanHandler{h.Handler.WithGroup(name), h.style}
}
