# What is on every NixOS's PATH: environment.corePackages and what its modules
# add. No jq, no git, no python: a remote script that needs one must fail here too.
builtins.concatStringsSep " " [
  "sh bash"
  # coreutils
  "[ arch b2sum base32 base64 basename basenc cat chgrp chmod chown chroot cksum comm cp csplit cut date dd df dir dirname du echo env expand expr factor false fmt fold groups head hostid id install join kill link ln logname ls md5sum mkdir mkfifo mknod mktemp mv nice nl nohup nproc numfmt od paste pathchk pinky pr printenv printf ptx pwd readlink realpath rm rmdir runcon seq sha1sum sha224sum sha256sum sha384sum sha512sum shred shuf sleep sort split stat stdbuf stty sum sync tac tail tee test timeout touch tr true truncate tsort tty uname unexpand uniq unlink uptime users vdir wc who whoami yes"
  # findutils, grep, sed, awk, diffutils, tar, compressors
  "find xargs grep egrep fgrep sed awk cmp diff diff3 sdiff tar gzip gunzip zcat bzip2 xz"
  # util-linux and procps
  "flock logger lsblk mount umount findmnt mountpoint nsenter unshare setsid script su login dmesg getopt hexdump column lscpu renice taskset ps pgrep pkill pidof free top w watch sysctl vmstat"
  # network, accounts, ssh
  "ip ss ping hostname curl ssh scp sftp ssh-keygen ssh-keyscan getent useradd usermod groupadd passwd iconv locale perl less"
  # nix
  "nix nix-build nix-channel nix-collect-garbage nix-copy-closure nix-daemon nix-env nix-hash nix-instantiate nix-prefetch-url nix-shell nix-store"
]
