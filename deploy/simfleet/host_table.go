package simfleet

// Action is what a guard does next.
type Action string

// The actions of a guard.
const (
	ActionWait   Action = "wait"   // for a claim, or for the deadline
	ActionClaim  Action = "claim"  // the deadline has passed: claim the return
	ActionFinish Action = "finish" // set what a confirmation sets, and read it back
	ActionReturn Action = "return" // go back to the record
	ActionClose  Action = "close"  // the run is resolved: put its folder away
	ActionHold   Action = "hold"   // a person or a resume decides
)

// Words of the table's columns, as the remote script writes them.
const (
	none  = "none"
	other = "other"
	fresh = "new"
)

// guardTable is the guard's whole mind, as the remote script has it: the first
// row that matches decides, "*" matches everything. A test runs the script's own
// table against it, all combinations of it.
func guardTable() [][5]string {
	return [][5]string{
		// claim    result       due    system   action
		{"*", "confirmed", "*", "*", "close"},
		{"*", "returned", "*", "*", "close"},
		{"*", "stranded", "*", "*", "hold"},
		{none, none, "no", "*", "wait"},
		{none, none, "yes", "*", "claim"},
		{"confirm", none, "*", fresh, "finish"},
		{"confirm", none, "*", other, "return"},
		{"return", none, "*", "*", "return"},
		{"*", "*", "*", "*", "hold"},
	}
}

// Decide says what a guard does. claim is none, confirm or return; result is
// none, confirmed, returned or stranded; due says that the deadline has passed;
// system is new when what runs is what was wanted, else other. It is pure.
func Decide(claim, result string, due bool, system string) Action {
	passed := "no"
	if due {
		passed = "yes"
	}
	seen := [4]string{claim, result, passed, system}
	for _, row := range guardTable() {
		if matches(row, seen) {
			return Action(row[4])
		}
	}
	return ActionHold
}

func matches(row [5]string, seen [4]string) bool {
	for i, word := range seen {
		if row[i] != "*" && row[i] != word {
			return false
		}
	}
	return true
}
