package view

import "github.com/nixdeploy/nixdeploy/deploy"

// mark is a glyph with its fallback and its colour. The word always stands
// beside it: nothing is said by a glyph or a colour alone.
type mark struct {
	unicode, ascii string
	color          color
}

func stateMark(st deploy.State) mark {
	switch st {
	case deploy.StateConfirmed:
		return mark{"✓", "ok", green}
	case deploy.StateUnchanged:
		return mark{"=", "=", green}
	case deploy.StateUntouched:
		return mark{"✗", "FAIL", red}
	case deploy.StateReturned:
		return mark{"↩", "back", yellow}
	case deploy.StateStranded:
		return mark{"!", "!", red}
	case deploy.StateRebootPending:
		return mark{"~", "~", yellow}
	case deploy.StateInFlight:
		return mark{"▸", ">", cyan}
	}
	return mark{"·", ".", plain} // waiting, skipped
}

func changeMark(c deploy.Change) mark {
	switch c {
	case deploy.ChangeUnchanged:
		return mark{"=", "=", plain}
	case deploy.ChangeSwitch, deploy.ChangeEvaluate:
		return mark{"~", "~", yellow}
	case deploy.ChangeBlocked:
		return mark{"!", "!", red}
	}
	return mark{"?", "?", yellow}
}
