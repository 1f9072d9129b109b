package deploy

// KeptRun is what a host holds of one run, and what is asked beside it: whether
// a system is still there to go back to.
type KeptRun struct {
	Run       string `json:"run"`    // "" when the host holds nothing of it
	Active    bool   `json:"active"` // it is not resolved: a guard or a switch is at work
	Result    Result `json:"result"`
	Operator  string `json:"operator"`
	Since     int64  `json:"since"` // unix seconds by the host's clock
	Fleet     string `json:"fleet"`
	Host      string `json:"host"` // as the run called it
	Stage     string `json:"stage"`
	FlakeHash string `json:"flake_hash"`
	Goal      Goal   `json:"goal"`
	Wanted    string `json:"wanted"` // what it was brought to
	Record    Links  `json:"record"` // what it was before
	Lease     *Lease `json:"lease,omitempty"`
	Links     Links  `json:"links"` // now
	// System and SystemLink are the toplevel that was asked for, "" when the
	// host has none such that can be switched to, and its generation, if any.
	System     string `json:"system"`
	SystemLink string `json:"system_link"`
}
