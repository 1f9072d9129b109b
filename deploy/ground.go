package deploy

// Ground is what a host stands on, whatever system runs on it. It is read where
// a system is held against it, in the same round trip as the build.
type Ground struct {
	// Mounts is what is mounted at /, /boot, /boot/efi, /efi and /nix, by point.
	Mounts map[string]Mount
	// Fstab is what the running system's fstab says of these points.
	Fstab map[string]Mount
	// System is what the running system says of itself, nil for nothing.
	System *SystemFile
	// StateVersions are the releases that the configuration on the host names as
	// its state version: one is an answer, several or none are not.
	StateVersions []string
	Login         Login
}

// Mount is a file system that is mounted, or that an fstab has mounted.
type Mount struct {
	Type   string // "auto" in an fstab: as it is found
	Source string // as mount or fstab names it
	Device string // the block device behind Source, "" for none
	UUID   string // of the file system on Device, "" where that is not known
	// Root is the part of the file system that is mounted, "/@root", "" where that
	// is not known.
	Root    string
	Options string // of an fstab
}

// Login is by what somebody may log in to a host as a user.
type Login struct {
	User string
	UID  int // -1 where the host does not know the user
	// Keys are lines of authorized_keys that have no options.
	Keys     []string
	HomeKeys bool // some of Keys are of the user's own file, which no system declares
	// Others is by what else a login may succeed, in words.
	Others []string
}

// Demands are what a system expects of the host that it runs on.
type Demands struct {
	Fstab  bool             // it has one: Mounts is what it has of the points of Ground
	Mounts map[string]Mount // what it would mount, by point
	// System is what it says of itself, nil for a system that nixdeploy did not
	// render.
	System *SystemFile
	// Unread is why System is nil although the system says something, "" where it
	// does not.
	Unread string
	// Keys are those that it lets the user of Ground's Login in by, from whatever
	// they were declared, as lines of authorized_keys.
	Keys []string
	// Others is by what else than declared keys a login to it may succeed: "home" is
	// the user's own file.
	Others []string
}

// SystemFile is /etc/nixdeploy/system.json of a rendered system.
type SystemFile struct {
	Format       int        `json:"format"` // SystemFileFormat
	StateVersion string     `json:"state_version"`
	BootLoader   string     `json:"boot_loader"`
	User         SystemUser `json:"user"`
}

// SystemFileFormat is the format of SystemFile that is understood.
const SystemFileFormat = 1

// SystemUser is the user that a system lets nixdeploy in as.
type SystemUser struct {
	Name string   `json:"name"`
	Keys []string `json:"keys"` // as lines of authorized_keys
}
