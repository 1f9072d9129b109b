// Package e2e holds the end-to-end tests: the real nixdeploy binary against
// real hosts of the lab. Each asserts what a user would miss: exit code, the
// three links, the generations, what the host's log holds.
//
// There is no code here besides tests, and no product code may import it.
package e2e
